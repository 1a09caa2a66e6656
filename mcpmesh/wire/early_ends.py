"""Streams that we ended early: what their peer had under way for them is no fault of its.

A router cancels for all its callers at once, and each answer may be on its way.
"""

from mcpmesh.wire.error_code import ConnectionFault, ErrorCode

_SERVER_REMEMBERS = 1_000
_CLIENT_REMEMBERS = 20_000
#: Beside body bytes and the end: a head, and credit for the request.
_CLIENT_FRAMES = 4


class EarlyEnds:
    """What may still come on each of the streams that ended last.

    Units: `window` in bytes, the most body that a peer can have under way on a stream.
    """

    __slots__ = ("_bytes", "_frames", "_frames_each", "_most", "_window")

    def __init__(self, window: int, *, client: bool) -> None:
        self._window = window
        self._most = _CLIENT_REMEMBERS if client else _SERVER_REMEMBERS
        # A client's frames came before ours, for it resets no stream twice.
        self._frames_each = _CLIENT_FRAMES if client else 0
        self._bytes: dict[int, int] = {}
        # Of those on which such frames came.
        self._frames: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<EarlyEnds {len(self._bytes)}>"

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._bytes

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, stream_id: int) -> None:
        """Remember a stream, and forget the oldest when there are too many."""
        self._bytes.setdefault(stream_id, self._window)
        if len(self._bytes) > self._most:
            self.forget(next(iter(self._bytes)))

    def forget(self, stream_id: int) -> bool:
        """Let go of a stream on which the last came; False when there is none."""
        self._frames.pop(stream_id, None)
        return self._bytes.pop(stream_id, None) is not None

    def take_data(self, stream_id: int, size: int) -> bool:
        """Take note of DATA; False unless the stream is one of these.

        Raises: ConnectionFault when it is more than the peer can have had under way.
        """
        left = self._bytes.get(stream_id)
        if left is None:
            return False
        if size > left:
            raise ConnectionFault(ErrorCode.STREAM_CLOSED, f"DATA on reset stream {stream_id}")
        self._bytes[stream_id] = left - size
        return True

    def take_frame(self, stream_id: int) -> bool:
        """Take note of another frame; False unless it was to be expected."""
        if stream_id not in self._bytes:
            return False
        left = self._frames.get(stream_id, self._frames_each)
        if left:
            self._frames[stream_id] = left - 1
        return left > 0
