"""A request that arrives in one piece: head and body, one frame each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcpmesh.wire.block import NO_PROMISE
from mcpmesh.wire.frame import END_STREAM, HEADER, HEADER_BYTES, MAX_STREAM_ID
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_state import REMOTE_ENDED

if TYPE_CHECKING:
    from mcpmesh.wire.inbound import Inbound

_unpack = HEADER.unpack_from


def take_request(inbound: Inbound, stream_id: int, buffer: bytes, start: int, end: int) -> int:
    """Open a stream with all of its request in one step, when nothing about it is unusual.

    Most unary calls arrive whole, with a head that came before or is like some that did; taken
    frame by frame they cost a good deal more. The head's block is from `start` to `end`. The body's
    credit goes back at once: who takes a whole request holds it beside the windows.
    Returns: where the frame after what was taken starts; 0 when all of it must be taken frame by
    frame, `end` when only the body must be, for its sink takes no requests whole.
    """
    connection = inbound.connection
    received = len(buffer)
    body = end + HEADER_BYTES
    # An id with the reserved bit is not the id it stands for.
    if not stream_id & 1 or not connection.last_peer_id < stream_id <= MAX_STREAM_ID:
        return 0
    if body > received:
        return 0
    length, flags, same_id = _unpack(buffer, end)
    size: int = length >> 8
    after = body + size
    # The kind of DATA is zero.
    if flags != END_STREAM or length & 0xFF or same_id != stream_id or not size or after > received:
        return 0
    payload = buffer[start:end]
    head = inbound.blocks.known(payload) or inbound.blocks.laid_out(payload)
    if (
        head is None
        or head.note is None
        or head.content_length != NO_PROMISE
        or size > connection.recv_window
        or size > inbound.whole_bytes
        or len(connection.streams) >= connection.limits.max_concurrent_streams
        or connection.stopped
        or not connection.writable
    ):
        return 0
    connection.last_peer_id = stream_id
    stream = Stream(connection, stream_id, None)
    stream.content_left = NO_PROMISE
    connection.streams[stream_id] = stream
    sink = stream.sink = head.note(connection.owner, stream)
    take = getattr(sink, "on_request", None)
    if take is None:
        sink.on_headers(head.headers, False)
        return end
    stream.state = REMOTE_ENDED
    connection.recv_window -= size
    # As `credit` does, which would be a call more for every request.
    connection.uncredited += size
    if connection.uncredited >= connection.credit_step:
        connection.give_credit()
    take(buffer[body:after])
    return after
