"""The rest of a streamed request: held until there is a replica, then passed on as it comes."""

from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.stream import Stream


class StreamedRequest:
    """What the caller sends after its first message.

    Nothing is credited to the caller before the replica's side took it, so what is held here is
    bounded by the stream's window.
    """

    __slots__ = ("_caller", "_ended", "_held", "_replica")

    def __init__(self, caller: Stream) -> None:
        self._caller = caller
        self._held: list[bytes] = []
        self._ended = False
        self._replica: Stream | None = None

    def push(self, data: bytes, end: bool) -> None:
        """Take more of the request."""
        replica = self._replica
        if replica is None:
            self._held.append(data)
            self._ended = self._ended or end
        elif replica.closed:
            # The replica's answer is complete; the rest of the request has no reader.
            self._caller.consumed(len(data))
        else:
            replica.send_data(data, end)

    def connect(self, stream: Stream, first: bytes) -> None:
        """Send what came, from `first` on, and what comes, to a replica's stream."""
        self._replica = stream
        stream.taken = self._caller.consumed
        body = b"".join((first, *self._held))
        self._held.clear()
        stream.send_data(body, self._ended)

    def cancel(self) -> None:
        """End the replica's side."""
        if self._replica is not None:
            self._replica.reset(ErrorCode.CANCEL)
