"""One connection of ours and one of h2's, in the same role, fed the same frames."""

from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from fuzz.auditor import FrameCutter
from fuzz.differential.known import DIFFERENCES, Known, Outcome
from mcpmesh.errors import Draining
from mcpmesh.wire.block import Block
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.error_code import ConnectionFault, ErrorCode, StreamFault
from mcpmesh.wire.frame import ACK, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.stream import Stream

LIMITS = Limits(
    max_concurrent_streams=30, stream_window_bytes=100_000, connection_window_bytes=400_000,
    max_header_list_bytes=60_000, control_flood=100_000,
)  # fmt: skip
REQUEST = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b":authority", b"h"))
HEAD = ((b":status", b"200"),)
Event = tuple[object, ...]
_MOVES_WINDOWS = (SETTINGS, WINDOW_UPDATE)


class Difference(AssertionError):
    """The two sides do not agree."""


@dataclass
class Sink:
    """Notes a stream's events as both sides' are written, and gives credit at once."""

    number: int
    events: list[Event]
    stream: Stream | None = None
    #: Nothing is credited.
    holds: bool = False

    def on_headers(self, headers: Headers, end: bool) -> None:
        """Note a head or trailers."""
        assert self.stream is not None
        self.events.append(("headers", self.stream.id, headers))
        self._end(end)

    def on_data(self, data: bytes, end: bool) -> None:
        """Note body bytes."""
        assert self.stream is not None
        if data:
            self.events.append(("data", self.stream.id, data))
            if not self.holds:
                self.stream.consumed(len(data))
        self._end(end)

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        """Note a whole answer."""
        self.on_headers(head.headers, False)
        self.on_data(data, False)
        self.on_headers(trailers, True)

    def on_reset(self, code: int, message: str) -> None:
        """Note the end."""
        assert self.stream is not None
        self.events.append(("reset", self.stream.id, code))

    def _end(self, end: bool) -> None:
        if end:
            assert self.stream is not None
            self.events.append(("end", self.stream.id))


@dataclass
class Pair:
    """Both connections, after their greetings."""

    client: bool
    holds: bool = False
    events: list[Event] = field(default_factory=list)
    streams: dict[int, Stream] = field(default_factory=dict)
    frames: int = 0
    refusals: int = 0
    known: dict[str, int] = field(default_factory=dict)
    over: bool = False

    def __post_init__(self) -> None:
        self._faults: list[str] = []
        self.ours = Connection(self, LIMITS, client=self.client)
        self.ours.fault = self._on_fault  # type: ignore[method-assign]
        self.ours.start()
        self.theirs = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=self.client, header_encoding=None, normalize_inbound_headers=False
            )
        )
        codes = h2.settings.SettingCodes
        self.theirs.local_settings = h2.settings.Settings(
            client=self.client,
            initial_values={
                codes.INITIAL_WINDOW_SIZE: LIMITS.stream_window_bytes,
                codes.MAX_CONCURRENT_STREAMS: LIMITS.max_concurrent_streams,
                codes.MAX_HEADER_LIST_SIZE: LIMITS.max_header_list_bytes,
                **({codes.ENABLE_PUSH: 0} if self.client else {}),
            },
        )
        self.theirs.initiate_connection()
        self.theirs.increment_flow_control_window(LIMITS.connection_window_bytes - 65_535)
        greeting = (b"" if self.client else PREFACE) + frame(SETTINGS, 0, 0, b"")
        greeting += frame(SETTINGS, ACK, 0, b"")
        self.ours.receive(greeting)
        self.theirs.receive_data(greeting)
        self.ours.outbox.take()
        self.theirs.data_to_send()

    # ConnectionOwner

    def accept(self, stream: Stream, head: Block) -> Sink:
        """Own a stream of the peer."""
        self.streams[stream.id] = stream
        return Sink(stream.id, self.events, stream, self.holds)

    def on_output(self) -> None:
        """Output is compared after every frame."""

    def on_full(self) -> None:
        """Output is compared after every frame."""

    def on_goaway(self, code: int, message: str) -> None:
        """Note a GOAWAY."""
        self.events.append(("goaway", code))

    def on_untold(self) -> None:
        """Few streams are open, and all are told at once."""

    def on_idle(self) -> None:
        """Nothing is open."""

    def on_pong(self, payload: bytes) -> None:
        """Note the answer to a PING, asked or not."""
        self.events.append(("pong", payload))

    def _on_fault(self, number: int, fault: StreamFault) -> None:
        """Note why a stream ends."""
        self._faults.append(fault.message)
        Connection.fault(self.ours, number, fault)

    # What both do

    def open(self) -> int:
        """Open a stream on both sides; 0 when they take none."""
        sink = Sink(0, self.events, None, self.holds)
        try:
            stream = sink.stream = self.ours.open(REQUEST, sink)
        except Draining:
            return 0
        if not stream.id:
            stream.reset()
            return 0
        self.streams[stream.id] = stream
        self.theirs.send_headers(stream.id, REQUEST)
        self._drop_output()
        return stream.id

    def answer(self, number: int, *, end: bool) -> None:
        """Send a head, or the end, on both sides."""
        stream = self.streams[number]
        if stream.state & 1:
            return
        stream.send_headers(HEAD, (), end)
        self.theirs.send_headers(number, HEAD, end_stream=end)
        self._drop_output()

    def finish(self, number: int) -> None:
        """End our half on both sides."""
        stream = self.streams[number]
        if not stream.state & 1:
            stream.send_data(b"", True)
            self.theirs.end_stream(number)
            self._drop_output()

    def reset(self, number: int) -> None:
        """Reset a stream on both sides."""
        stream = self.streams.pop(number)
        if not stream.closed:
            stream.reset()
            self.theirs.reset_stream(number, ErrorCode.CANCEL)
            self._drop_output()

    def _drop_output(self) -> None:
        self.ours.outbox.take()
        self.theirs.data_to_send()

    # What both hear

    def hear(self, data: bytes) -> None:
        """Feed a frame to both.

        Raises: Difference when they do not agree, and it is not a known one.
        """
        if self.over:
            return
        self.frames += 1
        ours, our_frames = self._ours(data)
        theirs, their_frames = self._theirs(data)
        known = self._known(data[3], ours, theirs)
        if known is not None:
            self.known[known.why] = self.known.get(known.why, 0) + 1
            self.over = True
        elif bool(ours.refused) != bool(theirs.refused):
            raise Difference(f"we: {ours.refused or ours.events}\nh2: {theirs.refused or theirs}")
        elif ours.refused:
            self.refusals += 1
            self.over = True
        elif ours.events != theirs.events:
            raise Difference(f"we tell {ours.events}\nh2 tells {theirs.events}")
        elif our_frames != their_frames:
            raise Difference(f"we answer {our_frames}\nh2 answers {their_frames}")
        elif any(event[0] == "goaway" for event in ours.events):
            # After it h2 takes and sends nothing, we go on.
            self.over = True
        elif data[3] in _MOVES_WINDOWS or not self.frames % 16:
            self._compare_windows()

    def _known(self, kind: int, ours: Outcome, theirs: Outcome) -> Known | None:
        if ours == theirs or (ours.refused and theirs.refused):
            return None
        return next((known for known in DIFFERENCES if known.covers(kind, ours, theirs)), None)

    def _ours(self, data: bytes) -> tuple[Outcome, list[Event]]:
        self.events.clear()
        self._faults.clear()
        refused = ""
        try:
            self.ours.receive(data)
        except ConnectionFault as fault:
            refused = f"connection {fault.message}"
            self.ours.fail(fault.code, fault.message)
        resets, answers = _answers(self.ours.outbox.take())
        events = tuple(self.events)
        if resets and not refused:
            refused = f"stream {resets[0]}: {self._faults}"
        return Outcome(refused, () if refused else events), answers

    def _theirs(self, data: bytes) -> tuple[Outcome, list[Event]]:
        refused = ""
        events: list[Event] = []
        try:
            heard = self.theirs.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            refused = f"connection {type(error).__name__}: {error}"
        except Exception as error:
            # Some faults escape h2 as what they were found by.
            refused = f"connection (not declared) {type(error).__name__}: {error}"
        else:
            for event in heard:
                events += self._written(event)
        resets, answers = _answers(self.theirs.data_to_send())
        if resets and not refused:
            refused = f"stream {resets[0]}"
        return Outcome(refused, () if refused else tuple(events)), answers

    def _written(self, event: h2.events.Event) -> list[Event]:
        """Write an event of h2 the way ours are."""
        match event:
            case h2.events.RequestReceived() | h2.events.ResponseReceived():
                return [("headers", event.stream_id, _fields(event.headers))]
            case h2.events.TrailersReceived():
                fields = _fields(event.headers)
                return [("headers", event.stream_id, fields)] if fields else []
            case h2.events.DataReceived():
                if event.flow_controlled_length and not self.holds:
                    self._acknowledge(event.flow_controlled_length, event.stream_id)
                return [("data", event.stream_id, event.data)] if event.data else []
            case h2.events.StreamEnded():
                return [("end", event.stream_id)]
            case h2.events.StreamReset() if event.remote_reset:
                return [("reset", event.stream_id, int(event.error_code))]
            case h2.events.ConnectionTerminated():
                return [("goaway", int(event.error_code))]
            case h2.events.PingAckReceived():
                return [("pong", event.ping_data)]
            case _:
                return []

    def _acknowledge(self, size: int, number: int) -> None:
        self.theirs.acknowledge_received_data(size, number)

    def _compare_windows(self) -> None:
        for number, stream in self.streams.items():
            if stream.state & 1 or number not in self.ours.streams:
                continue
            ours = min(stream.send_window, self.ours.send_window)
            theirs = self.theirs.local_flow_control_window(number)
            if ours != theirs:
                raise Difference(f"stream {number}: we may send {ours} bytes, h2 {theirs}")


def _answers(data: bytes) -> tuple[list[str], list[Event]]:
    """Return the resets that leave, and the acks."""
    resets: list[str] = []
    acks: list[Event] = []
    if not data:
        return resets, acks
    for said in FrameCutter(preface=False).feed(data):
        if said.kind == RST_STREAM:
            resets.append(f"{said.stream} {int.from_bytes(said.payload, 'big')}")
        elif said.kind in (PING, SETTINGS) and said.flags & ACK:
            acks.append((said.kind, said.payload))
    return resets, acks


def _fields(headers: Any) -> Headers:
    return tuple((bytes(name), bytes(value)) for name, value in headers)
