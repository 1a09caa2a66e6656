"""An answer that arrives in one piece: head, body and trailers, one frame each."""

from __future__ import annotations

from struct import error as StructError
from typing import TYPE_CHECKING

from mcpmesh.wire.block import NO_PROMISE, UNCHECKED
from mcpmesh.wire.frame import END_HEADERS, END_STREAM, HEADER, HEADER_BYTES, HEADERS
from mcpmesh.wire.stream_state import CLOSED, LOCAL_ENDED

if TYPE_CHECKING:
    from mcpmesh.wire.inbound import Inbound

#: Flags of a block that is all of the trailers.
_LAST = END_HEADERS | END_STREAM
_unpack = HEADER.unpack_from


def take_answer(inbound: Inbound, stream_id: int, buffer: bytes, start: int, end: int) -> int:
    """Take head, body and trailers in one step, when nothing about them is unusual.

    Most answers to unary calls arrive whole, and their head and trailers came before; taken
    frame by frame they cost a good deal more. The head's block is from `start` to `end`. The body's
    credit goes back at once: it is one frame, and after it nothing comes on this stream.
    Returns: where the frame after the answer starts; 0 when it must be taken frame by frame.
    """
    connection = inbound.connection
    stream = connection.streams.get(stream_id)
    if (
        stream is None
        or stream.state != LOCAL_ENDED
        or stream.queue
        or stream.content_left != UNCHECKED
    ):
        return 0
    body = end + HEADER_BYTES
    try:
        length, flags, same_id = _unpack(buffer, end)
        size = length >> 8
        ended = body + size
        # A length that stands alone is that of DATA without flags: kind and flags are zero.
        if length & 0xFF or flags or same_id != stream_id or not size:
            return 0
        length, flags, same_id = _unpack(buffer, ended)
    except StructError:
        # The rest is still to come.
        return 0
    last = ended + HEADER_BYTES
    after: int = last + (length >> 8)
    if (
        length & 0xFF != HEADERS
        or flags != _LAST
        or same_id != stream_id
        or after > len(buffer)
        or size > connection.recv_window
        or size > inbound.whole_bytes
    ):
        return 0
    head = inbound.blocks.known(buffer[start:end])
    trailers = inbound.blocks.known(buffer[last:after])
    if head is None or not head.opens_answer or trailers is None or not trailers.ends_answer:
        return 0
    take = getattr(stream.sink, "on_answer", None)
    if take is None:
        return 0
    connection.recv_window -= size
    # As `credit` does, which would be a call more for every answer.
    connection.uncredited += size
    if connection.uncredited >= connection.credit_step:
        connection.give_credit()
    stream.content_left = NO_PROMISE
    stream.state = CLOSED
    connection.forget(stream)
    take(head, buffer[body:ended], trailers.headers)
    return after
