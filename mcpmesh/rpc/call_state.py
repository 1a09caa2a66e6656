"""How far a client's call is: what `grpc.aio`'s call objects tell, and who waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
from grpc import StatusCode

from mcpmesh.rpc.server_words import metadata_of
from mcpmesh.wire.hpack_table import Headers

if TYPE_CHECKING:
    from mcpmesh.rpc.channel import Channel

_log = logging.getLogger("mcpmesh.rpc")


class CallState:
    """What is known of a call so far; `_code` is None until it ended.

    The call itself sets these fields, in one constructor: one more would be a call more per call.
    Units: `_expiry` in seconds of the loop's clock.
    """

    __slots__ = (
        "_callbacks", "_cancelled", "_channel", "_code", "_details", "_done", "_expiry", "_head",
        "_head_wait", "_loop", "_trailers",
    )  # fmt: skip

    _callbacks: list[Callable[[Any], None]]
    #: Cancelled on this side, not by the server.
    _cancelled: bool
    _channel: Channel
    _code: StatusCode | None
    _details: str
    _done: asyncio.Future[None] | None
    _expiry: float | None
    _head: Headers
    _head_wait: asyncio.Future[None] | None
    _loop: asyncio.AbstractEventLoop
    _trailers: Headers

    def __repr__(self) -> str:
        return f"<{type(self).__name__} code={self._code} details={self._details!r}>"

    def cancelled(self) -> bool:
        """Tell whether the call was cancelled."""
        return self._code is StatusCode.CANCELLED

    def done(self) -> bool:
        """Tell whether the call ended."""
        return self._code is not None

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline; None without one."""
        return None if self._expiry is None else max(0.0, self._expiry - self._loop.time())

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Have something called with this call when it ends."""
        if self._code is not None:
            callback(self)
        else:
            self._callbacks.append(callback)

    async def initial_metadata(self) -> grpc.aio.Metadata:
        """Wait for the answer's head; return its metadata."""
        if not self._head and self._code is None:
            if self._head_wait is None:
                self._head_wait = self._loop.create_future()
            await asyncio.shield(self._head_wait)
        return metadata_of(self._head)

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        """Wait for the end; return the metadata that came with it."""
        await self._ended()
        return metadata_of(self._trailers)

    async def code(self) -> StatusCode:
        """Wait for the end; return the status."""
        await self._ended()
        assert self._code is not None
        return self._code

    async def details(self) -> str:
        """Wait for the end; return the status message."""
        await self._ended()
        return self._details

    async def debug_error_string(self) -> str:
        """Wait for the end; describe it for people."""
        await self._ended()
        return repr(self)

    def error(self) -> grpc.aio.AioRpcError:
        """Return the end as the error that grpc.aio raises."""
        assert self._code is not None
        return grpc.aio.AioRpcError(
            self._code,
            metadata_of(self._head),
            metadata_of(self._trailers),
            details=self._details,
            debug_error_string=f"{self._channel.target}: {self._details}",
        )

    async def _ended(self) -> None:
        if self._code is None:
            if self._done is None:
                self._done = self._loop.create_future()
            await asyncio.shield(self._done)

    def _call_back(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback(self)
            except Exception:
                _log.exception("a done callback of %r failed", self)
