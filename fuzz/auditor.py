"""Reads what a connection of ours sends the way a strict peer would, and objects.

It keeps the peer's half of the books by itself (windows, settings, compression, stream states),
from the bytes that go in and out alone, with python-hyper's hpack.
"""

from dataclasses import dataclass, field
from struct import Struct

import hpack

from mcpmesh.wire.frame import (
    ACK,
    CONTINUATION,
    DATA,
    DEFAULT_FRAME_BYTES,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADER_BYTES,
    HEADERS,
    MAX_STREAM_ID,
    MAX_WINDOW,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)

_HEADER = Struct(">HBBBI")
_TABLE_SIZE, _WINDOW, _FRAME_SIZE = 1, 4, 5
_LIST_BYTES = 1 << 24


@dataclass(slots=True)
class Frame:
    """One frame as it was on the wire."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class FrameCutter:
    """Cuts bytes into frames and believes what they say."""

    def __init__(self, *, preface: bool) -> None:
        self._preface = len(PREFACE) if preface else 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that they complete."""
        data = self._rest + data
        if self._preface:
            if len(data) < self._preface:
                self._rest = data
                return []
            data = data[self._preface :]
            self._preface = 0
        frames = []
        at = 0
        while len(data) - at >= HEADER_BYTES:
            high, low, kind, flags, stream = _HEADER.unpack_from(data, at)
            end = at + HEADER_BYTES + (high << 8 | low)
            if end > len(data):
                break
            payload = data[at + HEADER_BYTES : end]
            frames.append(Frame(kind, flags, stream & MAX_STREAM_ID, payload))
            at = end
        self._rest = data[at:]
        return frames

    @property
    def whole(self) -> bool:
        """Tell whether no frame is cut short."""
        return not self._rest


@dataclass(slots=True)
class _Settings:
    """The peer's settings that bind the sender."""

    table_size: int = 4096
    window: int = DEFAULT_WINDOW
    frame_size: int = DEFAULT_FRAME_BYTES


@dataclass(slots=True)
class _Sent:
    """What the connection did on one stream."""

    window: int
    began: bool = False
    ended: bool = False
    reset: bool = False


@dataclass
class Auditor:
    """The strict reader of one connection's output; every objection is an AssertionError."""

    client: bool
    #: The prefaces and first SETTINGS are over.
    greeted: bool = False
    fatal: bool = False
    data_bytes: int = 0
    control_bytes: int = 0
    bytes_in: int = 0
    blocks: list[tuple[int, tuple[tuple[bytes, bytes], ...], bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._in = FrameCutter(preface=not self.client and not self.greeted)
        self._out = FrameCutter(preface=False)
        self._preface_due = self.client and not self.greeted
        self._now = _Settings()
        self._unacked: list[bytes] = []
        self._pings = 0
        self._window = DEFAULT_WINDOW
        self._credit: dict[int, int] = {}
        self._streams: dict[int, _Sent] = {}
        self._opened_by_peer: set[int] = set()
        self._last_opened = -1
        self._goaway_id = MAX_STREAM_ID
        self._block: tuple[int, bytes, bool] | None = None
        self._decoder = hpack.Decoder(max_header_list_size=_LIST_BYTES)
        self._decoder.max_allowed_table_size = self._now.table_size

    # The peer's bytes

    def received(self, data: bytes) -> None:
        """Note what the peer sends; what breaks the protocol grants nothing."""
        self.bytes_in += len(data)
        for frame in self._in.feed(data):
            kind, payload = frame.kind, frame.payload
            if kind == SETTINGS and not frame.flags & ACK:
                self._unacked.append(payload)
            elif kind == PING and not frame.flags & ACK:
                self._pings += 1
            elif kind == HEADERS:
                self._opened_by_peer.add(frame.stream)
            elif kind == WINDOW_UPDATE and len(payload) == 4:
                more = int.from_bytes(payload, "big") & MAX_WINDOW
                if not frame.stream:
                    self._window += more
                else:
                    sent = self._streams.get(frame.stream)
                    if sent is not None:
                        sent.window += more
                    else:
                        self._credit[frame.stream] = self._credit.get(frame.stream, 0) + more

    @property
    def heard_whole(self) -> bool:
        """Tell whether what the peer sent ends with a whole frame."""
        return self._in.whole

    # Our bytes

    def sent(self, data: bytes) -> None:
        """Read what the connection sends.

        Raises: AssertionError for what a strict peer would not take.
        """
        if self._preface_due and data:
            assert data.startswith(PREFACE), "a client begins with its preface"
            data = data[len(PREFACE) :]
            self._preface_due = False
        for frame in self._out.feed(data):
            self._frame(frame)
        assert self._out.whole, "output is cut inside a frame"

    def _frame(self, frame: Frame) -> None:
        kind, stream = frame.kind, frame.stream
        assert not self.fatal, f"{frame} after a GOAWAY with an error"
        if not self.greeted:
            assert kind == SETTINGS, f"{frame} before SETTINGS"
            assert not frame.flags & ACK, "an ACK before SETTINGS"
            self.greeted = True
        assert len(frame.payload) <= self._now.frame_size, f"a frame of {len(frame.payload)} bytes"
        if self._block is not None:
            assert kind == CONTINUATION, f"{frame} inside a header block"
            assert stream == self._block[0], f"{frame} inside a header block"
        if kind == DATA:
            self.data_bytes += HEADER_BYTES + len(frame.payload)
            self._data(frame)
        elif kind in (HEADERS, CONTINUATION):
            self.data_bytes += HEADER_BYTES + len(frame.payload)
            self._headers(frame)
        else:
            self.control_bytes += HEADER_BYTES + len(frame.payload)
            self._control(frame)

    def _control(self, frame: Frame) -> None:
        payload = frame.payload
        if frame.kind == SETTINGS and frame.flags & ACK:
            assert not payload, "a SETTINGS ack with a payload"
            assert self._unacked, "a SETTINGS ack for none"
            self._apply(self._unacked.pop(0))
        elif frame.kind == SETTINGS:
            assert not len(payload) % 6, "SETTINGS of a wrong size"
        elif frame.kind == PING:
            assert len(payload) == 8, "a PING of a wrong size"
            if frame.flags & ACK:
                assert self._pings, "a PING ack for none"
                self._pings -= 1
        elif frame.kind == WINDOW_UPDATE:
            assert len(payload) == 4, "a WINDOW_UPDATE of a wrong size"
            assert 0 < int.from_bytes(payload, "big") <= MAX_WINDOW, "a WINDOW_UPDATE of nothing"
            if frame.stream:
                sent = self._streams.get(frame.stream)
                assert sent is None or not sent.reset, f"{frame} after RST_STREAM"
        elif frame.kind == RST_STREAM:
            assert len(payload) == 4, "a RST_STREAM of a wrong size"
            assert frame.stream, "RST_STREAM on stream 0"
            self._stream(frame.stream).reset = True
        elif frame.kind == GOAWAY:
            last = int.from_bytes(payload[:4], "big")
            assert last <= self._goaway_id, "a GOAWAY that takes back the one before"
            self._goaway_id = last
            self.fatal = int.from_bytes(payload[4:8], "big") != 0
        else:
            raise AssertionError(f"a frame that we never send: {frame}")

    def _apply(self, payload: bytes) -> None:
        before = self._now.window
        for at in range(0, len(payload) - len(payload) % 6, 6):
            number = int.from_bytes(payload[at : at + 2], "big")
            value = int.from_bytes(payload[at + 2 : at + 6], "big")
            if number == _TABLE_SIZE:
                self._now.table_size = value
                self._decoder.max_allowed_table_size = value
            elif number == _WINDOW:
                self._now.window = value
            elif number == _FRAME_SIZE:
                self._now.frame_size = value
        for sent in self._streams.values():
            sent.window += self._now.window - before

    def _stream(self, number: int) -> _Sent:
        sent = self._streams.get(number)
        if sent is None:
            window = self._now.window + self._credit.pop(number, 0)
            sent = self._streams[number] = _Sent(window)
        return sent

    def _data(self, frame: Frame) -> None:
        assert frame.stream, "DATA on stream 0"
        sent = self._stream(frame.stream)
        assert sent.began, f"{frame} before HEADERS"
        assert not sent.ended, f"{frame} after the end"
        assert not sent.reset, f"{frame} after RST_STREAM"
        size = len(frame.payload)
        self._window -= size
        sent.window -= size
        assert not size or self._window >= 0, "DATA over the connection's window"
        assert not size or sent.window >= 0, f"DATA over the window of stream {frame.stream}"
        sent.ended = bool(frame.flags & END_STREAM)

    def _headers(self, frame: Frame) -> None:
        if frame.kind == HEADERS:
            self._begin(frame)
            self._block = (frame.stream, frame.payload, bool(frame.flags & END_STREAM))
        else:
            assert self._block is not None, "CONTINUATION without HEADERS"
            stream, block, end = self._block
            self._block = (stream, block + frame.payload, end)
        if frame.flags & END_HEADERS:
            stream, block, end = self._block
            fields = tuple(
                (bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)
            )
            self.blocks.append((stream, fields, end))
            self._block = None

    def _begin(self, frame: Frame) -> None:
        number = frame.stream
        sent = self._stream(number)
        if not sent.began and self.client:
            assert number % 2 == 1, "a client opens odd streams"
            assert number > self._last_opened, "stream ids only go up"
            self._last_opened = number
        if not self.client:
            assert number in self._opened_by_peer, f"an answer on stream {number}, never opened"
        assert not sent.ended, f"{frame} after the end"
        assert not sent.reset, f"{frame} after RST_STREAM"
        sent.began = True
        sent.ended = bool(frame.flags & END_STREAM)
