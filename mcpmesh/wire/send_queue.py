"""What waits to be sent on a stream: made when something must, which is seldom.

Functions on a stream, not an object of its own: an idle stream's memory counts.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.frame import HEADER
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.stream_state import CLOSED

if TYPE_CHECKING:
    from mcpmesh.wire.stream import Stream

#: What waits to be sent: body bytes, a header block (fields, volatile fields, end), or the end.
Piece = memoryview | bytearray | tuple[Headers, Volatile, bool] | None
#: Body bytes below the first size wait together, in pieces of about the second: an object each
#: would take forty times the memory of a message of one byte.
_SMALL_BYTES = 1024
_TOGETHER_BYTES = 16 * 1024
_pack = HEADER.pack


def begin(stream: Stream, stream_id: int) -> None:
    """Start a stream that waited for the peer's limit: its headers leave now."""
    stream.id = stream_id
    assert stream.queue
    piece = stream.queue.popleft()
    assert isinstance(piece, tuple)
    headers, volatile, end = piece
    connection = stream.connection
    connection.emit(connection.header_frame(stream_id, headers, volatile, end))
    if stream.queue:
        connection.schedule(stream)


def begins_with_body(stream: Stream) -> bool:
    """Tell whether what waits on a stream begins with body bytes, which need windows."""
    queue = stream.queue
    if not queue:
        return False
    return isinstance(queue[0], memoryview | bytearray)


def emit_next(stream: Stream, budget: int) -> int:
    """Send the next piece that waits on a stream, at most `budget` body bytes of it.

    Returns: the number of body bytes sent, -1 when the stream must wait for its window or
    has nothing to send.
    """
    queue = stream.queue
    if not queue:
        return -1
    piece = queue[0]
    connection = stream.connection
    if piece is None or isinstance(piece, tuple):
        queue.popleft()
        if piece is None:
            connection.emit(_pack(0, 1, stream.id))
            ended = True
        else:
            headers, volatile, ended = piece
            connection.emit(connection.header_frame(stream.id, headers, volatile, ended))
        if ended:
            _all_sent(stream)
        return 0
    return _emit_data(stream, piece, budget)


def _emit_data(stream: Stream, piece: memoryview | bytearray, budget: int) -> int:
    size = min(len(piece), budget, stream.send_window)
    if size <= 0:
        return -1
    queue = stream.queue
    assert queue is not None
    sent = piece[:size]
    if size == len(piece):
        queue.popleft()
    elif isinstance(piece, memoryview):
        queue[0] = piece[size:]
    else:
        del piece[:size]
    flags = 0
    if queue and queue[0] is None:
        queue.popleft()
        flags = 1
    stream.queued_bytes -= size
    stream.send_window -= size
    connection = stream.connection
    connection.unread_bytes -= size
    connection.send_window -= size
    connection.emit(_pack(size << 8, flags, stream.id) + sent)
    if stream.taken is not None:
        stream.taken(size)
    if flags:
        _all_sent(stream)
    return size


def enqueue_data(stream: Stream, data: bytes) -> None:
    """Let body bytes wait; small ones together."""
    size = len(data)
    stream.queued_bytes += size
    stream.connection.unread_bytes += size
    if size >= _SMALL_BYTES:
        # A view, so that cutting a large message into frames copies each byte once.
        enqueue(stream, memoryview(data))
        return
    last = stream.queue[-1] if stream.queue else None
    if isinstance(last, bytearray) and len(last) < _TOGETHER_BYTES:
        last += data
    else:
        enqueue(stream, bytearray(data))


def enqueue(stream: Stream, piece: Piece) -> None:
    """Let a piece wait after those that do."""
    if stream.queue is None:
        stream.queue = deque()
    stream.queue.append(piece)


def _all_sent(stream: Stream) -> None:
    if stream.state == CLOSED:
        stream.connection.forget(stream)
    if stream.stop_when_sent:
        # Where the peer has ended by itself, this gives back the credit of what came.
        stream.reset(ErrorCode.NO_ERROR)
