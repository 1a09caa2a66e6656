"""An answer as server-sent events: notifications while the call runs, the response last."""

import asyncio
from types import TracebackType

from mcpmesh.bridge.http_house import Stream
from mcpmesh.bridge.http_message import Header

_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
)
_COMMENT = b": keep-alive\n\n"


class EventStream:
    """A response that becomes a stream with its first event, or after a silence.

    Until then the answer can still be a plain response with a status of its own.
    Units: `heartbeat` in seconds of silence.
    """

    def __init__(
        self,
        stream: Stream,
        heartbeat: float,
        headers: tuple[Header, ...],
        first: bytes = b"",
    ) -> None:
        """Prepare a stream; `first` is what it starts with, an event as `primer` writes it."""
        self.started = False
        self._first = first
        self._stream = stream
        self._heartbeat = heartbeat
        self._headers = headers
        self._beat: asyncio.Task[None] | None = None
        self._last = 0.0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'started' if self.started else 'silent'})"

    def start(self) -> None:
        """Begin to look for silence."""
        self._last = asyncio.get_running_loop().time()
        self._beat = asyncio.create_task(self._keep_alive())

    async def open(self) -> None:
        """Begin the stream without an event."""
        await self._write(_COMMENT)

    async def stop(self) -> None:
        """Send no more signs of life."""
        assert self._beat is not None
        self._beat.cancel()
        await asyncio.wait([self._beat])

    async def __aenter__(self) -> "EventStream":
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def event(self, message: bytes, event_id: str = "") -> None:
        """Send one JSON-RPC message; with an id, the client can come back to it."""
        named = b"id: %b\n" % event_id.encode() if event_id else b""
        await self._write(b"event: message\n%bdata: %b\n\n" % (named, message))

    async def retry(self, wait_ms: int) -> None:
        """Tell the client when to come back."""
        await self._write(b"retry: %d\n\n" % wait_ms)

    async def named(self, name: str, message: bytes) -> None:
        """Send an event that is no JSON-RPC message."""
        await self._write(b"event: %b\ndata: %b\n\n" % (name.encode(), message))

    async def finish(self, message: bytes | None) -> None:
        """Send the response, if there is one; the stream ends with it."""
        if message is not None:
            await self.event(message)

    async def _write(self, chunk: bytes) -> None:
        self._last = asyncio.get_running_loop().time()
        if not self.started:
            self.started = True
            self._stream.begin((*_HEADERS, *self._headers))
            chunk = self._first + chunk
        await self._stream.write(chunk)

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            silence = loop.time() - self._last
            if silence >= self._heartbeat:
                await self._write(_COMMENT)
            else:
                await asyncio.sleep(self._heartbeat - silence)


def primer(event_id: str, retry_ms: int) -> bytes:
    """Write an event without a message: from its id on, a client can come back."""
    return b"id: %b\nretry: %d\ndata: \n\n" % (event_id.encode(), retry_ms)
