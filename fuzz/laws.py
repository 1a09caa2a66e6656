"""What holds for a connection at any moment, whatever its peer sent."""

from collections.abc import Iterable

from mcpmesh.wire.connection import Connection
from mcpmesh.wire.frame import HEADER_BYTES, MAX_WINDOW
from mcpmesh.wire.hpack_table import FIRST_DYNAMIC, HeaderTable, field_size
from mcpmesh.wire.stream import Stream

_MEMO_BYTES = 264 * 1024
_REMOTE_ENDED = 2


def check_connection(connection: Connection, streams: Iterable[Stream]) -> None:
    """Hold a connection against its books and bounds.

    `streams` are all that it ever gave out, for ended ones may still hold bytes.
    Raises: AssertionError saying what does not hold.
    """
    limits = connection.limits
    inbound = connection._inbound
    blocks = inbound.blocks
    assert len(connection.streams) <= (
        len(connection.streams) if connection.client else limits.max_concurrent_streams
    ), "more streams than allowed"
    assert len(inbound._rest) < HEADER_BYTES + limits.max_frame_bytes + 1, "the rest grows"
    early_ends = connection.early_ends
    assert len(early_ends) <= early_ends._most, "remembered resets grow"
    assert early_ends._frames.keys() <= early_ends._bytes.keys(), "frames of forgotten resets"
    assert sum(map(len, blocks._fragments)) <= blocks._max_bytes + limits.max_frame_bytes
    assert blocks._decoder._blocks_cost <= _MEMO_BYTES, "remembered blocks grow"
    assert connection.encoder._blocks_cost <= _MEMO_BYTES, "remembered blocks grow"
    if connection.closed:
        assert not connection.streams, "a closed connection has streams"
        assert not connection.waiting, "a closed connection has waiting streams"
        return
    _check_credit(connection, list(streams))
    assert connection.send_window <= MAX_WINDOW
    for stream in [*connection.streams.values(), *connection.waiting]:
        _check_stream(connection, stream)


def _check_credit(connection: Connection, streams: list[Stream]) -> None:
    """What the peer may send, what waits to be credited and what is held make the window."""
    held = sum(stream.held for stream in streams)
    window = connection.recv_window
    booked = window + connection.uncredited + held
    whole = connection.limits.connection_window_bytes
    assert booked == whole, f"{booked - whole:+} bytes of connection credit (held {held})"
    assert window >= 0, "the connection's window is below 0"
    # Below 0 when a client lent credit for what is still held (Connection.lend).
    lent = held if connection.client else 0
    assert -lent <= connection.uncredited < connection.credit_step, "credit given for nothing"


def _check_stream(connection: Connection, stream: Stream) -> None:
    assert stream.held >= 0
    assert stream.send_window <= MAX_WINDOW
    pieces = (piece for piece in stream.queue or () if piece is not None)
    queued = sum(len(piece) for piece in pieces if not isinstance(piece, tuple))
    assert stream.queued_bytes == queued, f"{stream}: {queued} bytes wait"
    if not stream.state & _REMOTE_ENDED:
        assert stream.uncredited >= 0
        assert stream.recv_window >= 0, f"{stream}: window {stream.recv_window}"


def check_table(table: HeaderTable, most: int) -> None:
    """Hold a header table against its own sum and its limit."""
    dynamic = table.fields[FIRST_DYNAMIC:]
    assert table.size == sum(map(field_size, dynamic)), "the table's size is off"
    assert table.size <= table.max_size <= most, f"table of {table.size}/{table.max_size}"


def check_whole(connection: Connection) -> None:
    """Hold that with no stream left, all credit is back, and both header tables are sound.

    Raises: AssertionError when bytes of the window are lost.
    """
    check_table(connection._inbound.blocks._decoder._table, 4096)
    check_table(connection.encoder._table, 4096)
    assert not connection.streams, f"streams are left: {connection.streams}"
    got = connection.recv_window + connection.uncredited
    whole = connection.limits.connection_window_bytes
    assert got == whole, f"{whole - got} bytes of the connection's window are lost"
