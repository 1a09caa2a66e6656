"""HEADERS of no stream that is open: a new one, too many, or an id that opens none.

Source: RFC 9113, section 5.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcpmesh.wire.block import UNCHECKED
from mcpmesh.wire.error_code import ConnectionFault, ErrorCode, StreamFault
from mcpmesh.wire.frame import rst_stream
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_state import REMOTE_ENDED

if TYPE_CHECKING:
    from mcpmesh.wire.connection import Connection
    from mcpmesh.wire.inbound import Inbound


def take_new(inbound: Inbound, stream_id: int, ended: bool, payload: bytes) -> None:
    """Open the stream that the peer's block of headers asks for, or answer why not.

    Raises: ConnectionFault when its id is none that it may open.
    """
    connection, blocks = inbound.connection, inbound.blocks
    if connection.client or not stream_id & 1 or stream_id <= connection.last_peer_id:
        blocks.read(payload)
        _refuse(connection, stream_id, ended)
        return
    # From here the id is used, whatever becomes of the stream.
    connection.last_peer_id = stream_id
    block = blocks.known(payload)
    try:
        if block is None or block.content_length == UNCHECKED:
            block = blocks.request(payload)
        if ended and block.content_length > 0:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "content-length without a body")
    except StreamFault as fault:
        connection.fault(stream_id, fault)
        return
    if _is_full(connection):
        _turn_away(connection, stream_id)
        return
    stream = Stream(connection, stream_id, None)
    stream.content_left = block.content_length
    connection.streams[stream_id] = stream
    if ended:
        stream.state = REMOTE_ENDED
    sink = stream.sink = connection.owner.accept(stream, block)
    sink.on_headers(block.headers, ended)


def _is_full(connection: Connection) -> bool:
    """Tell whether we take no further stream of the peer now.

    It has as many open as we allow, or does not read the answers that it has already.
    """
    limits = connection.limits
    return (
        len(connection.streams) >= limits.max_concurrent_streams
        or connection.stopped
        or (not connection.writable and connection.outbox.size > limits.max_waiting_control_bytes)
    )


def _turn_away(connection: Connection, stream_id: int) -> None:
    """Refuse a stream that the peer opens; it may try again elsewhere."""
    connection.flood.spend_reset("streams over the limit")
    connection.emit(rst_stream(stream_id, ErrorCode.REFUSED_STREAM))
    connection.early_ends.add(stream_id)


def _refuse(connection: Connection, stream_id: int, ended: bool) -> None:
    """Answer HEADERS that open no stream.

    Raises: ConnectionFault unless they were on their way when we reset their stream.
    """
    if connection.is_idle(stream_id):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"stream {stream_id} is not the peer's")
    if stream_id not in connection.early_ends:
        # To a server, ids that do not rise: section 5.1.1 obliges, where 5.1 only allows.
        code = ErrorCode.STREAM_CLOSED if connection.client else ErrorCode.PROTOCOL_ERROR
        raise ConnectionFault(code, f"HEADERS on closed stream {stream_id}")
    if ended:
        # The last of what was on its way: a stream has but one end.
        connection.early_ends.forget(stream_id)
    elif not connection.early_ends.take_frame(stream_id):
        connection.flood.spend("HEADERS frames on streams that were reset")
