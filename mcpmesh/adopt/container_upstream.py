"""A tool container, adopted: whatever serves /manifest and takes calls over HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2

from mcpmesh.adopt.container_calls import ContainerCalls
from mcpmesh.adopt.container_manifest import ContainedTool, tools_in
from mcpmesh.adopt.http_client import new_client
from mcpmesh.adopt.method_choice import offered_only
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.offer import named
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.errors import InvalidCall
from mcpmesh.sdk.offered import offered
from mcpmesh.sdk.tool import ToolFunction

_LOG = logging.getLogger("mcpmesh.adopt")
#: Seconds to answer with the manifest.
_ANSWER = 30.0
_MAX_MANIFEST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ToolContainer:
    """A container to adopt, and how.

    `only` are patterns of its tools' names; `headers` go with every request.
    Units: `look_every` in seconds between two looks at the manifest, by which a container that is
    gone, or has other tools, is noticed; `max_answer_bytes` of an answer's body.
    """

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    only: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    look_every: float = 5.0
    max_answer_bytes: int = 4 * 1024 * 1024


class ContainerUpstream:
    """One tool container; an Upstream."""

    def __init__(self, container: ToolContainer, naming: Naming) -> None:
        self._container = container
        self._naming = naming

    def __repr__(self) -> str:
        return f"ContainerUpstream({self.name}, {self._container.url})"

    @property
    def name(self) -> str:
        """What logs and the mesh call it."""
        return self._container.name

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["ContainerConnection"]:
        """Read the manifest, and keep a pool of connections.

        Raises: UpstreamFailed.
        """
        client = new_client()
        async with client:
            connection = ContainerConnection(self._container, self._naming, client)
            await connection.look()
            yield connection


class ContainerConnection:
    """A container that can be called."""

    def __init__(
        self, container: ToolContainer, naming: Naming, client: httpx2.AsyncClient
    ) -> None:
        self._container = container
        self._naming = naming
        self._client = client
        self._base = container.url.rstrip("/")
        self._manifest = b""
        self._etag = ""
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._calls = ContainerCalls(
            client, container.headers, container.max_answer_bytes, self._lose
        )

    async def entries(self) -> Sequence[ToolFunction]:
        """Return the tools of the manifest; what cannot be one is left out with a warning.

        Raises: UpstreamFailed.
        """
        found = tools_in(self._manifest, self._base, self._naming, self._container.labels)
        tools: list[ContainedTool] = []
        try:
            for each in found:
                if isinstance(each, ContainedTool):
                    tools.append(each)
                else:
                    _LOG.warning("%s: left out: %s", self._container.name, each.message)
        except InvalidCall as error:
            raise UpstreamFailed(error.message) from error
        only = self._container.only
        unfit = set(only)
        kept = offered_only(tools, only, lambda each: each.own_name, unfit)
        if unfit:
            _LOG.warning(
                "%s: none of its tools fits %s", self._container.name, named(sorted(unfit))
            )
        return [entry for each in kept for entry in self._entry(each)]

    def _entry(self, contained: ContainedTool) -> list[ToolFunction]:
        """Return the entry of a tool, none for one whose schema is none.

        The container gets no arguments that its schema refuses.
        """
        try:
            return [offered(contained.tool, self._calls.handler(contained), checked=True)]
        except InvalidCall as error:
            _LOG.warning("%s: left out: %s", self._container.name, error.message)
            return []

    async def changed(self) -> None:
        """Wait until the container says that it has other tools.

        Raises: UpstreamFailed when it is gone.
        """
        while True:
            done, _ = await asyncio.wait((self._lost,), timeout=self._container.look_every)
            if done:
                raise UpstreamFailed(self._lost.result())
            if await self.look():
                return

    async def look(self) -> bool:
        """Read the manifest; tell whether it is another than before.

        Raises: UpstreamFailed.
        """
        url = f"{self._base}/manifest"
        headers = {"accept": "application/json", **self._container.headers}
        if self._etag:
            headers["if-none-match"] = self._etag
        try:
            async with (
                asyncio.timeout(_ANSWER),
                self._client.stream("GET", url, headers=headers) as answer,
            ):
                if answer.status_code == 304:
                    return False
                if answer.status_code != 200:
                    raise UpstreamFailed(f"{url} answered {answer.status_code}")
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_MANIFEST_BYTES:
                        raise UpstreamFailed(f"{url} has more than {_MAX_MANIFEST_BYTES} bytes")
                self._etag = answer.headers.get("etag", "")
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise UpstreamFailed(f"cannot get {url}: {error or type(error).__name__}") from error
        except TimeoutError as error:
            raise UpstreamFailed(f"{url} does not answer within {_ANSWER:g} s") from error
        before, self._manifest = self._manifest, bytes(body)
        return before != self._manifest

    def _lose(self, reason: str) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)
