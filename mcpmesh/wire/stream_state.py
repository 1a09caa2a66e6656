"""How far a stream is."""

from enum import IntFlag


class StreamState(IntFlag):
    """How far a stream is, as RFC 9113, section 5.1 names it; CLOSED is both halves closed."""

    OPEN = 0
    HALF_CLOSED_LOCAL = 1
    HALF_CLOSED_REMOTE = 2
    CLOSED = 3


# As plain integers, for the hot path: an IntFlag's `|` is a call of Python code.
LOCAL_ENDED = int(StreamState.HALF_CLOSED_LOCAL)
REMOTE_ENDED = int(StreamState.HALF_CLOSED_REMOTE)
CLOSED = int(StreamState.CLOSED)
