"""Trailers that wait for the request, when an answer is complete before its request is.

A client of grpc.aio that writes a message just when the status arrives reports INTERNAL instead
of that status (grpc/grpc issue 36066): its core closes the stream at the trailers, the write
fails, and the failed write overwrites what the server said. Whether we ask it to stop sending
makes no difference, so the rest of the request is read and dropped for a little while first. A
client that never ceases to write may still run into its own bug, with any server.
"""

from __future__ import annotations

import asyncio

from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.stream import Stream

#: Seconds that a client gets to send the first message, which it has under way.
FIRST_MESSAGE = 0.05
#: Seconds without a further message after which the client is taken to wait for the answer.
QUIET = 0.01
#: Seconds that all of it may take.
AT_MOST = 0.25


class LateTrailers:
    """The last sink of a stream: drops the rest of the request, then sends the trailers."""

    __slots__ = ("_last", "_loop", "_repeated", "_rest", "_stream", "_timer")

    def __init__(
        self,
        stream: Stream,
        loop: asyncio.AbstractEventLoop,
        repeated: Headers,
        rest: Volatile,
        *,
        begun: bool,
    ) -> None:
        """Take a stream over; `begun` tells that something of the request's body came."""
        self._stream = stream
        self._loop = loop
        self._repeated = repeated
        self._rest = rest
        now = loop.time()
        self._last = now + AT_MOST
        self._timer = loop.call_at(now + (QUIET if begun else FIRST_MESSAGE), self._send)
        stream.sink = self

    # StreamSink

    def on_headers(self, _headers: Headers, end: bool) -> None:
        self.on_data(b"", end)

    def on_data(self, data: bytes, end: bool) -> None:
        self._timer.cancel()
        # Credit, or a large message would stay half sent and be the write that fails.
        self._stream.consumed(len(data))
        if end:
            self._send()
            return
        at = min(self._loop.time() + QUIET, self._last)
        self._timer = self._loop.call_at(at, self._send)

    def on_reset(self, _code: int, _message: str) -> None:
        self._timer.cancel()

    def _send(self) -> None:
        stream = self._stream
        stream.sink = None
        stream.send_headers(self._repeated, self._rest, True)
        stream.stop()
