"""Frames that steer a connection rather than carry a call.

Source: RFC 9113, sections 6.3 and 6.5 to 6.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mcpmesh.wire.error_code import ConnectionFault, ErrorCode, StreamFault
from mcpmesh.wire.frame import (
    ACK,
    GOAWAY,
    MAX_STREAM_ID,
    MAX_WINDOW,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)
from mcpmesh.wire.settings import header_table_sizes

if TYPE_CHECKING:
    from mcpmesh.wire.connection import Connection

_TINY_CREDIT = 64
#: Streams up to which any credit on the connection is offered to all that wait; beyond, it takes so
#: many bytes for each of them. They are tried every second in any case.
_FEW = 8
_WORTH_A_LOOK = 16


def _on_settings(connection: Connection, flags: int, stream_id: int, payload: bytes) -> None:
    if stream_id:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
    if flags & ACK:
        if payload:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS ack with a payload")
        connection.flood.spend("SETTINGS acks")
        return
    connection.settings_seen = True
    connection.flood.spend("SETTINGS frames")
    before = connection.peer
    connection.follow(before.updated(payload, of_server=connection.client))
    _check_backlog(connection)
    connection.emit(frame(SETTINGS, ACK, 0, b""))
    for size in header_table_sizes(payload):
        connection.encoder.set_max_table_size(size)
    _resize_windows(connection, connection.peer.initial_window_size - before.initial_window_size)
    connection.start_waiting()


def _resize_windows(connection: Connection, change: int) -> None:
    if not change:
        return
    for stream in [*connection.streams.values(), *connection.waiting]:
        stream.send_window += change
        if stream.send_window > MAX_WINDOW:
            raise ConnectionFault(
                ErrorCode.FLOW_CONTROL_ERROR, f"stream {stream.id}: window above 2^31-1"
            )
        if stream.waiting and stream.id:
            connection.outbox.schedule(stream)
    connection.pump()


def _on_ping(connection: Connection, flags: int, stream_id: int, payload: bytes) -> None:
    if stream_id:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
    if len(payload) != 8:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PING is not 8 bytes long")
    connection.flood.spend("PING frames")
    if flags & ACK:
        connection.owner.on_pong(payload)
        return
    _check_backlog(connection)
    connection.emit(frame(PING, ACK, 0, payload))


def _on_goaway(connection: Connection, _flags: int, stream_id: int, payload: bytes) -> None:
    if stream_id:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
    if len(payload) < 8:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY is shorter than 8 bytes")
    connection.flood.spend("GOAWAY frames")
    last_id = int.from_bytes(payload[:4], "big") & MAX_STREAM_ID
    code = int.from_bytes(payload[4:8], "big")
    reason = payload[8:264].decode("utf-8", "replace")
    connection.peer_stopped_at(last_id, code, f"the peer is going away: {reason or code}")


def _on_window_update(connection: Connection, _flags: int, stream_id: int, payload: bytes) -> None:
    if len(payload) != 4:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE is not 4 bytes long")
    increment = int.from_bytes(payload, "big") & MAX_WINDOW
    if not stream_id:
        connection.send_window += increment
        if not increment or connection.send_window > MAX_WINDOW:
            code = ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
            raise ConnectionFault(code, f"WINDOW_UPDATE of {increment} on the connection")
        _check_credit(connection, increment)
        waiting = len(connection.outbox.ready)
        if waiting <= _FEW or connection.send_window >= waiting * _WORTH_A_LOOK:
            connection.pump()
        return
    stream = connection.streams.get(stream_id)
    if stream is None:
        if connection.is_idle(stream_id):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream")
        if not connection.early_ends.take_frame(stream_id):
            connection.flood.spend_late("WINDOW_UPDATE frames on closed streams")
        return
    stream.send_window += increment
    if not increment or stream.send_window > MAX_WINDOW:
        code = ErrorCode.FLOW_CONTROL_ERROR if increment else ErrorCode.PROTOCOL_ERROR
        connection.fault(stream_id, StreamFault(code, f"WINDOW_UPDATE of {increment}"))
    elif stream.waiting:
        if increment < _TINY_CREDIT:
            # Every crumb costs us a frame (CVE-2019-9511, data dribble).
            connection.flood.spend_late("tiny WINDOW_UPDATE frames")
        connection.schedule(stream)
    elif increment < _TINY_CREDIT:
        # Honest peers give credit in bulk; crumbs for a stream that waits for none are a flood.
        connection.flood.spend("tiny WINDOW_UPDATE frames")
    elif stream.send_window > connection.peer.initial_window_size:
        # More than we sent: an honest peer widens a window once or twice.
        connection.flood.spend("WINDOW_UPDATE frames")


def _check_credit(connection: Connection, increment: int) -> None:
    """Count credit on the connection that returns nothing that we sent, or only crumbs of it."""
    if connection.send_window > connection.widest_window:
        connection.widest_window = connection.send_window
        connection.flood.spend("WINDOW_UPDATE frames")
    elif increment < _TINY_CREDIT and connection.send_window < connection.widest_window // 2:
        # While most of the window is used up; beside calls that go well, crumbs are usual.
        connection.flood.spend_late("tiny WINDOW_UPDATE frames")


def _on_priority(connection: Connection, _flags: int, stream_id: int, payload: bytes) -> None:
    if not stream_id:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
    connection.flood.spend("PRIORITY frames")
    if len(payload) != 5:
        _break(connection, stream_id, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY is not 5 bytes long")
    elif int.from_bytes(payload[:4], "big") & MAX_STREAM_ID == stream_id:
        _break(connection, stream_id, ErrorCode.PROTOCOL_ERROR, "a stream depends on itself")


def _break(connection: Connection, stream_id: int, code: ErrorCode, message: str) -> None:
    """Reset a stream; RST_STREAM is not for an idle one (RFC 9113, section 6.4).

    Raises: ConnectionFault when there is no stream to reset.
    """
    if stream_id not in connection.streams:
        raise ConnectionFault(code, message)
    connection.fault(stream_id, StreamFault(code, message))


def _on_push_promise(connection: Connection, _flags: int, _stream_id: int, _payload: bytes) -> None:
    whose = "we did not allow it" if connection.client else "clients don't push"
    raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, f"PUSH_PROMISE: {whose}")


def _check_backlog(connection: Connection) -> None:
    """End a peer that asks for answers and does not read them."""
    if (
        not connection.writable
        and connection.outbox.size > connection.limits.max_waiting_control_bytes
    ):
        raise ConnectionFault(
            ErrorCode.ENHANCE_YOUR_CALM, "answers that nobody reads", "unread_answers"
        )


CONTROL: dict[int, Callable[[Connection, int, int, bytes], None]] = {
    SETTINGS: _on_settings,
    PING: _on_ping,
    GOAWAY: _on_goaway,
    WINDOW_UPDATE: _on_window_update,
    PRIORITY: _on_priority,
    PUSH_PROMISE: _on_push_promise,
}
