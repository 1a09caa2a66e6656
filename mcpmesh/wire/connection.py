"""One HTTP/2 connection, sans-IO: bytes in, calls to the streams' sinks, bytes out.

Source: RFC 9113.
"""

import contextlib
import sys
from collections import deque
from collections.abc import Callable

from mcpmesh.errors import Draining, LocalProtocolError, TooLarge
from mcpmesh.wire.connection_owner import ConnectionOwner
from mcpmesh.wire.early_ends import EarlyEnds
from mcpmesh.wire.error_code import ErrorCode, StreamFault
from mcpmesh.wire.flood import FloodGate
from mcpmesh.wire.frame import (
    END_STREAM,
    HEADER,
    MAX_STREAM_ID,
    PING,
    PREFACE,
    SETTINGS,
    frame,
    goaway,
    rst_stream,
    window_update,
)
from mcpmesh.wire.header_writer import HeaderWriter
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.inbound import Inbound
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.lost_streams import LostStreams
from mcpmesh.wire.outbox import Outbox
from mcpmesh.wire.send_queue import begin, begins_with_body, emit_next
from mcpmesh.wire.settings import Settings
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_sink import StreamSink
from mcpmesh.wire.stream_state import LOCAL_ENDED


class Connection:
    """The state of one connection, client or server.

    Units: windows and sizes in bytes.
    """

    def __init__(self, owner: ConnectionOwner, limits: Limits, *, client: bool) -> None:
        self.owner = owner
        self.limits = limits
        self.client = client
        self._header_writer = HeaderWriter(client=client)
        self.follow(Settings())
        #: Encodes a header block, which must then be sent next.
        self.header_frame = self._header_writer.frame
        self.outbox = Outbox(owner.on_output, owner.on_full)
        self.emit: Callable[[bytes], None] = self.outbox.put
        self.streams: dict[int, Stream] = {}
        #: Bytes kept for the peer beside the windows: of large requests, of answers not read.
        self.unfinished_bytes = 0
        self.unread_bytes = 0
        #: Client streams that the peer's limit of concurrent streams holds back.
        self.waiting: deque[Stream] = deque()
        self.encoder = self._header_writer.encoder
        self.flood = FloodGate(limits.control_flood, limits.reset_flood)
        self.send_window = Settings().initial_window_size
        #: The most that the peer ever let us have under way.
        self.widest_window = self.send_window
        #: False while the transport can take no more: only control frames leave then.
        self.writable = True
        self.stream_window = limits.stream_window_bytes
        self.stream_credit_step = limits.stream_window_bytes // 2
        #: Set once either side said GOAWAY: no new streams.
        self.draining = False
        self.closed = False
        #: Set by the second half of a drain: new streams are refused.
        self.stopped = False
        self.settings_seen = False
        self.last_peer_id = 0
        #: What the peer may still send; below the other a client lends its server credit, so that
        #: answers nobody takes hold up none else.
        self.recv_window = limits.connection_window_bytes
        self.low_window = self.recv_window // 4 if client else 0
        #: Credit for what arrived and is done with, not given back yet; and when it is.
        self.uncredited = 0
        self.credit_step = limits.connection_window_bytes // 2
        #: Streams of a lost connection that do not know it yet.
        self.untold: LostStreams | None = None
        self._next_id = 1
        self._goaway_id = MAX_STREAM_ID
        self.early_ends = EarlyEnds(limits.stream_window_bytes, client=client)
        self._inbound = Inbound(self)
        #: Takes bytes from the peer; raises ConnectionFault, after which `fail` and close.
        self.receive = self._inbound.receive_preface
        #: The bytes that the frame under way, or its head, still lacks; 0 between frames.
        self.missing_bytes = self._inbound.missing_bytes
        #: The stream whose header block began and is not complete; 0 for none.
        self.unfinished_head = self._inbound.unfinished_head

    def __repr__(self) -> str:
        side = "client" if self.client else "server"
        return (
            f"<Connection {side} streams={len(self.streams)} send_window={self.send_window} "
            f"draining={self.draining} closed={self.closed}>"
        )

    def follow(self, settings: Settings) -> None:
        """Take note of the peer's settings."""
        self.peer = settings
        limit = settings.max_concurrent_streams
        self._max_streams = sys.maxsize if limit is None else limit
        #: The largest body that may leave in one frame with its head, on a new stream.
        self._whole_bytes = min(settings.initial_window_size, settings.max_frame_size)
        self._header_writer.follow(settings)

    @property
    def last_own_id(self) -> int:
        """The newest stream that we opened; below 1 for none."""
        return self._next_id - 2

    # What the owner of the connection does

    def start(self) -> None:
        """Send the preface, our settings, and the connection's window."""
        settings = frame(SETTINGS, 0, 0, self.limits.settings().encode())
        extra = self.limits.connection_window_bytes - Settings().initial_window_size
        update = window_update(0, extra) if extra else b""
        self.emit((PREFACE if self.client else b"") + settings + update)

    def open(
        self,
        headers: Headers,
        sink: StreamSink,
        volatile: Volatile = (),
        end: bool = False,
    ) -> Stream:
        """Open a stream; over the peer's limit of concurrent streams it waits its turn.

        Raises: Draining when this connection takes no new streams; TooLarge for headers over the
        peer's limit.
        """
        if self.draining or self.closed:
            raise Draining("the connection takes no new streams")
        stream = Stream(self, 0, sink)
        if self._may_start() and not self.waiting:
            stream_id = self._next_id
            head = self.header_frame(stream_id, headers, volatile, end)
            self._assign(stream)
            self.emit(head)
            if end:
                stream.state = LOCAL_ENDED
        else:
            self._header_writer.check(headers, volatile)
            self.waiting.append(stream)
            stream.send_headers(headers, volatile, end)
        return stream

    def request(
        self, headers: Headers, volatile: Volatile, body: bytes, sink: StreamSink
    ) -> Stream:
        """Open a stream with its whole request: in one piece when nothing holds it back.

        Raises: as `open`.
        """
        size = len(body)
        if (
            self.draining
            or self.waiting
            or size > self.send_window
            or size > self._whole_bytes
            or not self.writable
            or len(self.streams) >= self._max_streams
        ):
            stream = self.open(headers, sink, volatile)
            stream.send_data(body, True)
            return stream
        stream_id = self._next_id
        # First: it may raise.
        head = self.header_frame(stream_id, headers, volatile, False)
        stream = self.streams[stream_id] = Stream(self, stream_id, sink)
        stream.state = LOCAL_ENDED
        self._next_id = stream_id + 2
        if stream_id >= MAX_STREAM_ID:
            self._use_up()
        self.send_window -= size
        self.emit(head + HEADER.pack(size << 8, END_STREAM, stream_id) + body)
        return stream

    def pump(self) -> None:
        """Send what waits, one frame per stream and turn, as far as windows and transport allow."""
        outbox = self.outbox
        stuck = 0
        while self.writable:
            stream = outbox.next_stream()
            if stream is None:
                return
            if emit_next(stream, min(self.send_window, self.peer.max_frame_size)) >= 0:
                stuck = 0
            elif stream.send_window > 0 and stream.waiting:
                # Only the connection's window holds it back: it keeps its place in the row.
                stuck += 1
                if stuck > len(outbox.ready):
                    outbox.schedule(stream)
                    return
            else:
                continue
            if stream.waiting:
                outbox.schedule(stream)

    def drain(self, reason: str) -> None:
        """Tell the peer to open no more streams; those on their way are still taken."""
        if not self.draining:
            self.draining = True
            self._go_away(MAX_STREAM_ID, ErrorCode.NO_ERROR, reason)

    def stop_accepting(self) -> None:
        """Refuse further streams: the second half of a drain, once the peer had its GOAWAY."""
        if not self.stopped and not self.closed:
            self.stopped = True
            self._go_away(self.last_peer_id, ErrorCode.NO_ERROR, "drained")

    def fail(self, code: ErrorCode, message: str) -> None:
        """End the connection with a GOAWAY that says why, and every stream with it."""
        if not self.closed:
            self._go_away(self.last_peer_id, code, message)
            self.lost(message)

    def lost(self, message: str) -> None:
        """End every stream: the connection is gone."""
        if self.closed:
            return
        self.closed = self.draining = True
        # Streams that are yet to be told may send until then; nobody would read it.
        self.emit = _unsent
        self.untold = LostStreams((*self.streams.values(), *self.waiting), message)
        self.streams.clear()
        self.waiting.clear()
        self.tell_lost()

    def tell_lost(self) -> None:
        """End the next streams of a lost connection; the owner is asked to go on with the rest."""
        untold = self.untold
        if untold is not None:
            untold.tell_next(self)
            if untold:
                self.owner.on_untold()

    def _go_away(self, last_id: int, code: ErrorCode, message: str) -> None:
        # What was said to be refused stays refused (RFC 9113, section 6.8).
        self._goaway_id = min(last_id, self._goaway_id)
        self.emit(goaway(self._goaway_id, code, message))

    def ping(self, payload: bytes) -> None:
        """Send a PING of 8 bytes; the owner's `on_pong` gets them back."""
        if len(payload) != 8:
            raise LocalProtocolError("a PING carries 8 bytes")
        self.emit(frame(PING, 0, 0, payload))

    # What streams ask for

    def schedule(self, stream: Stream) -> None:
        """Send what waits on a stream as soon as may be."""
        self.outbox.schedule(stream)
        if self.send_window > 0 or not begins_with_body(stream):
            # To try all that wait, for each that comes, would be work without use.
            self.pump()

    def credit(self, size: int) -> None:
        """Give the connection's credit back to the peer, in bulk."""
        self.uncredited += size
        if self.uncredited >= self.credit_step:
            self.give_credit()

    def give_credit(self) -> None:
        """Give back all credit that was collected."""
        if not self.closed:
            self.emit(window_update(0, self.uncredited))
            self.recv_window += self.uncredited
            self.uncredited = 0

    def lend(self) -> None:
        """Give the peer credit for what is still held: some streams' readers are slow, others not.

        What is held stays bounded by the streams' own windows; it is paid back when consumed.
        """
        self.uncredited -= self.credit_step
        self.emit(window_update(0, self.credit_step))
        self.recv_window += self.credit_step

    def keep(self, size: int) -> bool:
        """Count bytes of large requests under way; False when they are too many.

        Negative: let go of so many.
        """
        self.unfinished_bytes += size
        return self.unfinished_bytes <= self.limits.max_unfinished_bytes

    def forget(self, stream: Stream, useful: bool = True) -> None:
        """Let go of a stream that ended, and start one that waited for its place.

        One that ended early was of no use and earns its peer nothing.
        """
        if self.streams.pop(stream.id, None) is None:
            return
        if useful and self.flood.level:
            self.flood.earn()
        # A stream and its sink keep each other; left to the garbage collector, that doubles the
        # cost of a call.
        stream.sink = stream.taken = None
        if self.waiting:
            self.start_waiting()
        if not self.streams:
            self.owner.on_idle()

    def forget_reset(self, stream: Stream) -> None:
        """Let go of a stream that we ended early, or that never began."""
        if stream.id in self.streams:
            self.early_ends.add(stream.id)
            self.forget(stream, useful=False)
        elif not stream.id:
            with contextlib.suppress(ValueError):
                self.waiting.remove(stream)

    def start_waiting(self) -> None:
        """Start streams that the peer's limit held back, as far as it allows."""
        while self.waiting and self._may_start():
            stream = self.waiting.popleft()
            if stream.waiting:
                try:
                    begin(stream, self._assign(stream))
                except TooLarge as error:
                    # The peer has lowered its limit since.
                    self.end_stream(stream, ErrorCode.ENHANCE_YOUR_CALM, error.message)

    def end_stream(self, stream: Stream, code: int, message: str) -> None:
        """Close a stream that the peer or a fault ended, and tell its sink."""
        sink = stream.sink
        stream.abandon()
        self.forget(stream, useful=False)
        if sink is not None:
            sink.on_reset(code, message)

    def peer_stopped_at(self, last_id: int, code: int, message: str) -> None:
        """Take note of a GOAWAY: streams above `last_id` were not looked at.

        Also when our stream ids are used up, as if the peer had said so.
        """
        self.draining = True
        refused = [stream for stream in self.streams.values() if stream.id > last_id]
        refused += self.waiting
        self.waiting.clear()
        if self.client:
            for stream in refused:
                stream.refused = True
                self.end_stream(stream, ErrorCode.REFUSED_STREAM, message)
        self.owner.on_goaway(code, message)

    # What the inbound half asks

    def fault(self, stream_id: int, fault: StreamFault) -> None:
        """Reset a stream whose peer broke the protocol, and count it against the peer."""
        self.flood.spend_reset("broken streams")
        self.emit(rst_stream(stream_id, fault.code))
        self.early_ends.add(stream_id)
        stream = self.streams.get(stream_id)
        if stream is not None:
            self.end_stream(stream, fault.code, fault.message)

    def is_idle(self, stream_id: int) -> bool:
        """Tell whether a stream of this id has not been opened yet, by whoever may."""
        if self.client:
            return stream_id % 2 == 0 or stream_id >= self._next_id
        return stream_id % 2 == 0 or stream_id > self.last_peer_id

    def _may_start(self) -> bool:
        return len(self.streams) < self._max_streams

    def _assign(self, stream: Stream) -> int:
        stream.id = self._next_id
        self._next_id += 2
        self.streams[stream.id] = stream
        if stream.id >= MAX_STREAM_ID:
            self._use_up()
        return stream.id

    def _use_up(self) -> None:
        """Open no more streams: there are no ids for them."""
        self.peer_stopped_at(MAX_STREAM_ID, ErrorCode.NO_ERROR, "all stream ids are used")


def _unsent(_data: bytes) -> None:
    """Take what a lost connection cannot send any more."""
