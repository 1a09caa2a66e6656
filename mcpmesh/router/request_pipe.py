"""The rest of a streamed request: held until there is a replica, then passed on as it comes."""

from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.stream import Stream


class StreamedRequest:
    """What the caller sends after its first message.

    Nothing is credited to the caller before the replica's side took it, so what is held here is
    bounded by the stream's window. `credited` bytes of the first message were credited before,
    for it may be larger than that.
    """

    __slots__ = ("_caller", "_credited", "_ended", "_held", "_kept", "_replica", "_skipped")

    def __init__(self, caller: Stream, credited: int = 0) -> None:
        self._caller = caller
        self._credited = credited
        # Of the bytes that leave for the replica, those that were credited already.
        self._skipped = 0
        self._held: list[bytes] = []
        self._ended = False
        self._replica: Stream | None = None
        # All that was sent is still held, and so can be sent again.
        self._kept = True

    def push(self, data: bytes, end: bool) -> None:
        """Take more of the request."""
        replica = self._replica
        self._ended = self._ended or end
        if replica is None:
            self._held.append(data)
        elif replica.closed:
            # The replica's answer is complete; the rest of the request has no reader.
            self._caller.consumed(len(data))
        else:
            self._kept = False
            self._held.clear()
            replica.send_data(data, end)

    def connect(self, stream: Stream, first: bytes) -> None:
        """Send what came, from `first` on, and what comes, to a replica's stream."""
        self._replica = stream
        self._skipped = self._credited
        stream.taken = self._taken
        data = b"".join((first, *self._held))
        if data or self._ended:
            stream.send_data(data, self._ended)

    def take_back(self) -> bool:
        """Get ready to be connected anew; False when what was sent is not kept any more."""
        self._replica = None
        return self._kept

    def lengthen(self, size: int) -> None:
        """Learn that the first message has so many bytes more than the caller sent."""
        self._credited += size

    def cancel(self) -> None:
        """End the replica's side."""
        if self._replica is not None:
            self._replica.reset(ErrorCode.CANCEL)

    def _taken(self, size: int) -> None:
        if self._replica is None or self._replica.closed:
            # Dropped, and held here for another try; the caller's end gives it back otherwise.
            return
        skipped = min(size, self._skipped)
        self._skipped -= skipped
        self._credited += size - skipped
        self._caller.consumed(size - skipped)
