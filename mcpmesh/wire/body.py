"""Bodies that come in: counted against the windows, and given to their streams.

Source: RFC 9113, sections 5.2, 6.1 and 8.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcpmesh.wire.block import NO_PROMISE
from mcpmesh.wire.error_code import ConnectionFault, ErrorCode, StreamFault
from mcpmesh.wire.frame import END_STREAM, PADDED, unpadded
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_state import CLOSED, REMOTE_ENDED

if TYPE_CHECKING:
    from mcpmesh.wire.connection import Connection

#: Body bytes up to which a DATA frame is no proof of useful work.
_SMALL_DATA = 64


def take_body(connection: Connection, stream_id: int, flags: int, payload: bytes) -> None:
    """Give a DATA frame's body to its stream.

    Raises: ConnectionFault for a frame that no honest peer sends.
    """
    size = len(payload)
    connection.recv_window -= size
    stream = connection.streams.get(stream_id)
    if connection.recv_window < connection.low_window:
        _on_low_window(connection)
    if stream is None or stream.state & REMOTE_ENDED:
        _take_stray(connection, stream, stream_id, size)
        return
    # Booked here rather than by a method of the stream: one call less per frame.
    stream.held = held = stream.held + size
    if (
        held + stream.uncredited > connection.stream_window
        or stream.content_left != NO_PROMISE
        or flags > END_STREAM
        or not size
    ):
        _take_unusual(connection, stream, flags, payload)
        return
    sink = stream.sink
    if flags:
        stream.state |= REMOTE_ENDED
        if stream.state == CLOSED and not stream.queue:
            connection.forget(stream)
    elif connection.flood.level and size > _SMALL_DATA:
        connection.flood.earn()
    if sink is not None:
        sink.on_data(payload, flags == END_STREAM)


def _take_unusual(connection: Connection, stream: Stream, flags: int, payload: bytes) -> None:
    """Take DATA that is padded, empty, counted by content-length, or too much."""
    size = len(payload)
    ended = bool(flags & END_STREAM)
    try:
        if stream.held + stream.uncredited > connection.stream_window:
            raise StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "DATA over the stream's window")
        if flags & PADDED:
            payload = unpadded(payload)
            stream.consumed(size - len(payload))
            size = len(payload)
        stream.count_content(size, ended)
    except StreamFault as fault:
        connection.fault(stream.id, fault)
        return
    sink = stream.sink
    if ended:
        stream.remote_end()
    elif not size:
        connection.flood.spend("empty DATA frames")
        return
    elif connection.flood.level and size > _SMALL_DATA:
        connection.flood.earn()
    if sink is not None:
        sink.on_data(payload, ended)


def _on_low_window(connection: Connection) -> None:
    if connection.recv_window < 0:
        raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "DATA over the connection's window")
    connection.lend()


def _take_stray(connection: Connection, stream: Stream | None, stream_id: int, size: int) -> None:
    """Take DATA of a stream that ended or never was."""
    connection.credit(size)
    if stream is None and connection.is_idle(stream_id):
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"DATA on idle stream {stream_id}")
    if not connection.early_ends.take_data(stream_id, size):
        connection.fault(stream_id, StreamFault(ErrorCode.STREAM_CLOSED, "DATA after the end"))
    elif not size:
        connection.flood.spend("empty DATA frames")
