"""One HTTP/2 stream: its state, its two windows, and what waits to be sent on it.

A stream tells its sink what arrived, and takes what the sink's owner sends. What the windows
don't allow waits in order; `taken` reports the bytes that left, which is how a relay couples the
flow control of its two sides.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcpmesh.errors import LocalProtocolError
from mcpmesh.wire.block import UNCHECKED
from mcpmesh.wire.error_code import ErrorCode, StreamFault
from mcpmesh.wire.frame import HEADER, rst_stream, window_update
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.send_queue import Piece, enqueue, enqueue_data
from mcpmesh.wire.stream_sink import StreamSink
from mcpmesh.wire.stream_state import CLOSED, LOCAL_ENDED, REMOTE_ENDED, StreamState

if TYPE_CHECKING:
    from mcpmesh.wire.connection import Connection

_pack = HEADER.pack


class Stream:
    """One stream of a connection, made by the connection only.

    Units: windows and sizes in bytes.
    """

    __slots__ = (
        "connection",
        "content_left",
        "held",
        "id",
        "queue",
        "queued_bytes",
        "refused",
        "scheduled",
        "send_window",
        "sink",
        "state",
        "stop_when_sent",
        "taken",
        "uncredited",
    )

    def __init__(self, connection: Connection, stream_id: int, sink: StreamSink | None) -> None:
        #: 0 until a client stream may start (the peer's limit of concurrent streams).
        self.id = stream_id
        self.state = 0
        self.sink = sink
        #: Body bytes that content-length still promises; NO_PROMISE without one, UNCHECKED before
        #: the peer's head came.
        self.content_left = UNCHECKED
        self.send_window = connection.peer.initial_window_size
        #: Bytes in the queue.
        self.queued_bytes = 0
        #: True when the peer certainly did not act on the stream: trying elsewhere is safe.
        self.refused = False
        #: Reset as soon as everything is sent: the rest of the request is not wanted.
        self.stop_when_sent = False
        #: Has a turn in the outbox.
        self.scheduled = False
        #: Called with the number of body bytes that just left, or never will.
        self.taken: Callable[[int], None] | None = None
        self.connection = connection
        #: Bytes that arrived and are not consumed.
        self.held = 0
        #: Of what was consumed, the part not yet credited to the peer.
        self.uncredited = 0
        #: What must wait, in order; made when something must, which is seldom.
        self.queue: deque[Piece] | None = None

    def __repr__(self) -> str:
        return (
            f"<Stream {self.id} {StreamState(self.state).name} "
            f"send_window={self.send_window} queued={self.queued_bytes}>"
        )

    @property
    def closed(self) -> bool:
        """Tell whether both halves ended."""
        return self.state == CLOSED

    @property
    def recv_window(self) -> int:
        """Return how many bytes the peer may still send."""
        return self.connection.stream_window - self.held - self.uncredited

    # Sending

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Send a header block; after body bytes that still wait, it waits too.

        `headers` repeat from call to call and are remembered by the encoder; `volatile` don't.
        """
        if self.state & LOCAL_ENDED:
            raise LocalProtocolError(f"stream {self.id}: headers after the end")
        if self.queue or not self.id:
            enqueue(self, (headers, volatile, end))
            if end:
                self.state |= LOCAL_ENDED
            return
        connection = self.connection
        connection.emit(connection.header_frame(self.id, headers, volatile, end))
        if end:
            self.state = state = self.state | LOCAL_ENDED
            if state == CLOSED:
                connection.forget(self)

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        """Send the head and what is there of the body: in one piece when nothing holds it back."""
        if self._must_wait(len(data)):
            self.send_headers(headers, volatile)
            self.send_data(data)
            return
        connection = self.connection
        size = len(data)
        head = connection.header_frame(self.id, headers, volatile, False)
        connection.emit(head + _pack(size << 8, 0, self.id) + data)
        self.send_window -= size
        connection.send_window -= size
        if self.taken is not None and size:
            self.taken(size)

    def send_answer(
        self, headers: Headers, volatile: Volatile, data: bytes, trailers: Headers
    ) -> None:
        """Send a whole answer: in one piece when nothing holds it back."""
        size = len(data)
        connection = self.connection
        # As `_must_wait`, a call less for every answer.
        if (
            self.state & LOCAL_ENDED
            or self.queue
            or size > self.send_window
            or size > connection.send_window
            or size > connection.peer.max_frame_size
            or not connection.writable
        ):
            self.send_message(headers, volatile, data)
            self.send_headers(trailers, (), True)
            return
        number = self.id
        header_frame = connection.header_frame
        head = header_frame(number, headers, volatile, False)
        connection.emit(
            head + _pack(size << 8, 0, number) + data + header_frame(number, trailers, (), True)
        )
        self.send_window -= size
        connection.send_window -= size
        if self.taken is not None and size:
            self.taken(size)
        self.state = state = self.state | LOCAL_ENDED
        if state == CLOSED:
            connection.forget(self)

    def _must_wait(self, size: int) -> bool:
        """Tell whether something holds back a head and so many bytes after it.

        Raises: LocalProtocolError after the end.
        """
        if self.state & LOCAL_ENDED:
            raise LocalProtocolError(f"stream {self.id}: headers after the end")
        connection = self.connection
        return bool(
            self.queue
            or size > self.send_window
            or size > connection.send_window
            or size > connection.peer.max_frame_size
            or not connection.writable
            or not self.id
        )

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Send body bytes, now as far as the windows allow and the rest when they open."""
        if self.state & LOCAL_ENDED:
            raise LocalProtocolError(f"stream {self.id}: data after the end")
        size = len(data)
        connection = self.connection
        if (
            not self.queue
            and size <= self.send_window
            and size <= connection.send_window
            and size <= connection.peer.max_frame_size
            and connection.writable
            and self.id
        ):
            self.send_window -= size
            connection.send_window -= size
            connection.emit(_pack(size << 8, 1 if end else 0, self.id) + data)
            if self.taken is not None and size:
                self.taken(size)
            if end:
                self.state = state = self.state | LOCAL_ENDED
                if state == CLOSED:
                    connection.forget(self)
            return
        if size:
            enqueue_data(self, data)
        if end:
            enqueue(self, None)
            self.state |= LOCAL_ENDED
        if self.id:
            connection.schedule(self)
        if connection.unread_bytes > connection.limits.max_unfinished_bytes:
            connection.owner.on_unread(self)

    def reset(self, code: int = ErrorCode.CANCEL) -> None:
        """End the stream at once, both ways; the sink hears nothing more.

        On a stream that ended, gives back the credit of what nobody consumed, and no more.
        """
        if self.state == CLOSED and not self.queue:
            self._release()
            return
        connection = self.connection
        if self.id:
            connection.emit(rst_stream(self.id, code))
        self.abandon()
        connection.forget_reset(self)

    def stop(self) -> None:
        """Ask the peer to send no more, once our complete answer left (RFC 9113, section 8.1).

        Gives back the credit of what came, for nobody will consume it any more.
        """
        if self.state & REMOTE_ENDED:
            if self.held:
                self._release()
            return
        if self.queue:
            self.stop_when_sent = True
        else:
            self.reset(ErrorCode.NO_ERROR)

    # Receiving

    def consumed(self, size: int) -> None:
        """Give back credit for body bytes that arrived and are done with."""
        held = self.held
        if size > held:  # noqa: PLR1730 - a comparison costs half of min()
            size = held
        if not size:
            return
        self.held = held - size
        connection = self.connection
        # As `credit` does, which would be a call more for every frame.
        connection.uncredited += size
        if connection.uncredited >= connection.credit_step:
            connection.give_credit()
        if self.state & REMOTE_ENDED:
            return
        self.uncredited += size
        if self.uncredited >= connection.stream_credit_step:
            connection.emit(window_update(self.id, self.uncredited))
            self.uncredited = 0

    # For the connection only

    def count_content(self, size: int, ended: bool) -> None:
        """Hold body bytes against content-length.

        Raises: StreamFault when there are more, or fewer at the end; or none may come yet.
        """
        if self.content_left == UNCHECKED:
            raise StreamFault(ErrorCode.PROTOCOL_ERROR, "DATA before HEADERS")
        if self.content_left >= 0:
            self.content_left -= size
            if self.content_left < 0 or (ended and self.content_left):
                raise StreamFault(ErrorCode.PROTOCOL_ERROR, "the body differs from content-length")

    def remote_end(self) -> None:
        """Note that the peer sends no more."""
        self.state = state = self.state | REMOTE_ENDED
        if state == CLOSED and not self.queue:
            self.connection.forget(self)

    def abandon(self) -> None:
        """Close, drop what waits, and give the connection back the credit of what arrived.

        `taken` is told of what is dropped: a relay holds the credit for it on its other side.
        """
        self.state = CLOSED
        self.sink = None
        self.queue = None
        dropped, self.queued_bytes = self.queued_bytes, 0
        self.connection.unread_bytes -= dropped
        self._release()
        if dropped and self.taken is not None:
            self.taken(dropped)

    def _release(self) -> None:
        """Give the connection back the credit of what arrived and nobody will consume."""
        if self.held:
            self.connection.credit(self.held)
            self.held = 0

    @property
    def waiting(self) -> bool:
        """Tell whether something is still to be sent."""
        return bool(self.queue)
