"""What is adopted: something that can be connected to, and that says what it offers.

An MCP server, a gRPC service, an OpenAPI service and a tool container are kinds of it, each in
files of its own. Whatever the kind, `Copy` keeps one connection and serves its offer.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mcpmesh.sdk.tool import ToolFunction


class UpstreamFailed(Exception):
    """An upstream cannot be connected to, or is lost; the message is a sentence for people.

    It holds no secret: neither environment nor headers. `final`: trying again cannot help as long
    as nobody changes something.
    """

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.final = final


class Connection(Protocol):
    """One copy of an upstream, while it can be called.

    Entries are made with `mcpmesh.sdk.offered`. A call that finds the connection lost raises
    `mcpmesh.sdk.failure.Refused`.
    """

    async def entries(self) -> Sequence[ToolFunction]:
        """Return what the upstream offers now.

        Raises: UpstreamFailed.
        """
        ...

    async def changed(self) -> None:
        """Wait until the upstream may offer something else.

        Raises: UpstreamFailed as soon as it cannot be called any more.
        """
        ...


class Upstream(Protocol):
    """Something to adopt. `name` is for logs, and names the server in the mesh."""

    @property
    def name(self) -> str: ...

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Open a connection (a process, a session) of its own; leaving it ends everything.

        It is entered and left in the same task. Raises (on entering): UpstreamFailed.
        """
        ...
