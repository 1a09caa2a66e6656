"""The context of a method that is a plain function: it runs in a thread, off the event loop.

The surface is that of grpc.aio's context for such methods: nothing to await.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from grpc import StatusCode

if TYPE_CHECKING:
    from mcpmesh.rpc.context import Context

Pairs = Iterable[tuple[str, str | bytes]]


class SyncContext:
    """One call, as a plain function sees it; what is not here is the same as in Context."""

    def __init__(self, context: Context, loop: asyncio.AbstractEventLoop) -> None:
        self._context = context
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def send_initial_metadata(self, initial_metadata: Pairs) -> None:
        """Send the answer's head now, with this metadata."""
        sent = self._context.send_initial_metadata(initial_metadata)
        asyncio.run_coroutine_threadsafe(sent, self._loop).result()

    def abort(
        self, code: StatusCode | int, details: str = "", trailing_metadata: Pairs = ()
    ) -> NoReturn:
        """End the call with this status, at once.

        Raises: grpc.aio.AbortError, always; let it pass.
        """
        self._context.abort_now(code, details, trailing_metadata)

    def abort_with_status(self, status: grpc.Status) -> NoReturn:
        """End the call with a status object, at once."""
        self.abort(status.code, status.details, status.trailing_metadata or ())
