"""Sending messages on a stream at the pace of its reader."""

import asyncio

from mcpmesh.wire.message import frame_message
from mcpmesh.wire.stream import Stream

_HIGH_BYTES = 64 * 1024
#: A writer that never has to wait still lets others run after so many messages.
_TURN_MESSAGES = 64


class MessageWriter:
    """The writing side of one call."""

    __slots__ = ("_burst", "_stream", "_waiter")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._burst = 0
        self._waiter: asyncio.Future[None] | None = None

    async def write(self, payload: bytes, compressed: bool = False) -> None:
        """Send a message; wait while more than a little of what was sent is still here."""
        stream = self._stream
        stream.send_data(frame_message(payload, compressed))
        self._burst += 1
        if stream.queued_bytes > _HIGH_BYTES:
            await self._drained()
        elif self._burst >= _TURN_MESSAGES:
            self._burst = 0
            await asyncio.sleep(0)

    async def _drained(self) -> None:
        stream = self._stream
        while stream.queued_bytes > _HIGH_BYTES:
            self._waiter = asyncio.get_running_loop().create_future()
            stream.taken = self._on_taken
            try:
                await self._waiter
            finally:
                self._waiter = None
                stream.taken = None
        self._burst = 0

    def _on_taken(self, _size: int) -> None:
        if self._stream.queued_bytes <= _HIGH_BYTES:
            self.wake()

    def wake(self) -> None:
        """Let a waiting writer look again; it finds the stream ended, or its way clear."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
