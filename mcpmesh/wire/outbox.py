"""What waits to leave a connection, and which stream may send next.

Streams that the windows or a slow peer hold back take turns, one frame each, so that a huge
message does not starve the small ones beside it.
"""

from collections import deque
from collections.abc import Callable

from mcpmesh.wire.stream import Stream

#: Bytes collected before they are handed to the transport within one turn of the loop: enough
#: for a system call to be cheap, little enough for a slow reader to be noticed.
FLUSH_BYTES = 256 * 1024


class Outbox:
    """Frames ready to be written, and the streams that have more.

    `on_output` is called for the first frame of a batch, `on_full` whenever a batch has grown so
    large that it should be written now.
    """

    __slots__ = ("_frames", "_on_full", "_on_output", "ready", "size")

    def __init__(self, on_output: Callable[[], None], on_full: Callable[[], None]) -> None:
        self.size = 0
        self.ready: deque[Stream] = deque()
        self._frames: list[bytes] = []
        self._on_output = on_output
        self._on_full = on_full

    def put(self, frame: bytes) -> None:
        """Append a frame."""
        frames = self._frames
        if not frames:
            self._on_output()
        frames.append(frame)
        self.size += len(frame)
        if self.size > FLUSH_BYTES:
            self._on_full()

    def take(self) -> bytes:
        """Return everything as one piece and forget it."""
        frames = self._frames
        joined = frames[0] if len(frames) == 1 else b"".join(frames)
        frames.clear()
        self.size = 0
        return joined

    def schedule(self, stream: Stream) -> None:
        """Give a stream a turn, if it has none yet."""
        if not stream.scheduled:
            stream.scheduled = True
            self.ready.append(stream)

    def next_stream(self) -> Stream | None:
        """Return the stream whose turn it is."""
        if not self.ready:
            return None
        stream = self.ready.popleft()
        stream.scheduled = False
        return stream
