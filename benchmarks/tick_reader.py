"""Reads many streams of progress at once, and notes when their events came."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.mcp_post import Post

_PROGRESS = b"notifications/progress"
_RESULT = b'"result":'
_FAILED = b'"isError":true'
#: Connections that are opened at once, so that none is refused for want of a place to wait.
_OPENING = 100
#: Seconds that the last event may be late before a stream counts as broken.
_PATIENCE = 30.0


@dataclass(slots=True)
class Ticked:
    """What came: events, streams that ended well, how late events were.

    Units: seconds.
    """

    events: int = 0
    ended: int = 0
    elapsed: float = 0.0
    gaps: list[float] = field(default_factory=list)

    @property
    def late_p99(self) -> float:
        """How much more than a second passed between two events, but for one in 100."""
        ordered = sorted(self.gaps)
        return max(0.0, ordered[int(len(ordered) * 0.99)] - 1) if ordered else 0.0


class _Stream(asyncio.Protocol):
    """One connection: sends the request, and looks for events in what comes."""

    def __init__(self, request: bytes, ticked: Ticked) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._ticked = ticked
        self._last = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        # Events are small, and each is a write of its own: none is cut.
        if count := data.count(_PROGRESS):
            now = time.monotonic()
            if self._last:
                self._ticked.gaps.append((now - self._last) / count)
            self._last = now
            self._ticked.events += count
        if _RESULT in data:
            self._ticked.ended += _FAILED not in data
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


async def read_ticks(post: Post, streams: int, seconds: int, look: Callable[[], None]) -> Ticked:
    """Open so many streams and read them to their ends; `look` is called once a second."""
    ticked = Ticked()
    began = time.monotonic()
    body = post.body.replace(b"@ID@", b"1")
    head = "".join(f"{name}: {value}\r\n" for name, value in post.fields.items())
    length = f"Host: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    request = f"POST /mcp HTTP/1.1\r\n{head}{length}".encode() + body
    loop = asyncio.get_running_loop()
    opened: list[_Stream] = []
    for first in range(0, streams, _OPENING):
        made = [
            loop.create_connection(lambda: _Stream(request, ticked), "127.0.0.1", post.port)
            for _ in range(min(_OPENING, streams - first))
        ]
        opened += [stream for _, stream in await asyncio.gather(*made)]
    waiting = {stream.over for stream in opened}
    end = time.monotonic() + seconds + _PATIENCE
    while waiting and time.monotonic() < end:
        _, waiting = await asyncio.wait(waiting, timeout=1)
        look()
    ticked.elapsed = time.monotonic() - began
    return ticked
