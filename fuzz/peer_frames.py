"""Frames of a peer that mostly knows HTTP/2 and sometimes does not, as dice fall."""

from collections.abc import Callable, Sequence

import hpack

from fuzz.dice import Dice
from mcpmesh.wire.frame import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
)

Fields = list[tuple[bytes, bytes]]

REQUEST: Fields = [
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/Unary"), (b":authority", b"h"),
    (b"content-type", b"application/grpc"), (b"te", b"trailers"),
]  # fmt: skip
RESPONSE: Fields = [(b":status", b"200"), (b"content-type", b"application/grpc")]
TRAILERS: Fields = [(b"grpc-status", b"0")]
ODD_FIELDS: Fields = [
    (b"a", b"b"), (b"content-length", b"5"), (b"content-length", b"0"), (b":status", b"103"),
    (b"content-length", b"x"), (b":path", b"/other"), (b"Upper", b"x"), (b"connection", b"close"),
    (b"te", b"gzip"), (b"a", b"b\r\nc"), (b"a", b" b"), (b":odd", b"x"), (b"", b""),
    (b"big", b"v" * 9_000), (b"grpc-status", b"99"), (b"grpc-message", b"%zz %e2%82"),
    (b"x-bin", b"AA,BB=,!"), (b"grpc-timeout", b"1S"), (b"grpc-timeout", b"99999999H"),
    (b"grpc-timeout", b"x"), (b"grpc-encoding", b"gzip"), (b"grpc-encoding", b"br"),
    (b"grpc-accept-encoding", b"gzip"), (b"mcp-name", b"echo"), (b"cookie", b"a=b"),
    (b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"), (b"baggage", b"k=v,,=;"),
    (b"x-correlation-id", b"c\xff1"), (b"mcpmesh-wait-for-ready", b"true"),
]  # fmt: skip
SIZES = (0, 1, 5, 9, 100, 1_000, 16_384, 16_383)
INCREMENTS = (1, 100, 65_535, 1_000_000)
ODD_INCREMENTS = (0, 16_777_216, 0x7FFFFFFF, 0xFFFFFFFF)
SETTINGS_VALUES = {
    4: (0, 1, 100, 65_535, 1_000_000), 1: (0, 100, 4_096, 65_536), 3: (0, 1, 2, 100),
    5: (16_384, 16_385, 0xFFFFFF), 6: (0, 100, 100_000), 2: (0, 1), 9: (0, 0xFFFFFFFF),
}  # fmt: skip
ODD_VALUES = (0, 1, 65_536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


class PeerFrames:
    """Writes one frame, or one header block in several, per throw.

    `opened` returns the ids of streams that we opened, for a peer that is a server.
    """

    def __init__(
        self,
        dice: Dice,
        *,
        client: bool,
        heads: list[Fields],
        opened: Callable[[], Sequence[int]] = lambda: (),
    ) -> None:
        self._dice = dice
        #: One throw in so many breaks a rule on purpose.
        self._odd_of = dice.pick((64, 8, 250, 250))
        #: The peer is a client.
        self._client = client
        self._heads = heads
        self._opened = opened
        self._encoder = hpack.Encoder()
        self._next_id = 1
        self._makers = (
            self._head, self._data, self._data, self._trailers, self._window_update,
            self._window_update, self._settings, self._reset, self._ping, self._goaway,
            self._priority, self._anything, self._head, self._data, self._settings_ack,
            self._answer,
        )  # fmt: skip

    def next(self) -> bytes:
        """Write the next throw's bytes."""
        if self._client and self._next_id == 1 and not self._odd():
            return self._head()
        written = self._dice.pick(self._makers)()
        if self._odd():
            at = self._dice.below(len(written) + 1)
            written = written[:at] + self._dice.bytes(1) + written[at + 1 :]
        return written

    def _odd(self) -> bool:
        return self._dice.chance(self._odd_of)

    def _stream(self) -> int:
        """Pick a stream, mostly one that was opened."""
        if self._odd():
            return self._dice.below(8)
        if self._client:
            return max(1, self._next_id - 2 - 2 * self._dice.below(4))
        opened = self._opened()
        return self._dice.pick(opened[-4:]) if opened else 1

    def _fields(self, fields: Fields) -> Fields:
        fields = list(fields)
        for _ in range(self._dice.pick((0, 0, 0, 1, 0, 2))):
            fields.append(self._dice.pick(ODD_FIELDS))
        if self._dice.chance(16):
            fields.append((self._dice.text(), self._dice.text()))
        if self._dice.chance(16) and fields:
            del fields[self._dice.below(len(fields))]
        return fields

    def _head(self) -> bytes:
        if self._client and not self._odd():
            stream = self._next_id
            self._next_id += 2
        else:
            stream = self._stream()
        return self._block(stream, self._fields(self._dice.pick(self._heads)))

    def _trailers(self) -> bytes:
        fields = self._fields(TRAILERS if self._dice.byte() < 200 else [])
        return self._block(self._stream(), fields, END_STREAM)

    def _block(self, stream: int, fields: Fields, flags: int = 0) -> bytes:
        dice = self._dice
        if dice.chance(16):
            self._encoder.header_table_size = 5_000 if self._odd() else dice.pick((0, 100, 4_096))
        block = self._encoder.encode(fields, huffman=dice.chance(3))
        if dice.chance(4):
            flags |= END_STREAM
        payload, rest = block, b""
        if not dice.chance(4):
            flags |= END_HEADERS
        else:
            cut = dice.below(len(block) + 1)
            payload, rest = block[:cut], block[cut:]
        if dice.chance(8):
            flags |= HAS_PRIORITY
            payload = (stream if self._odd() else 0).to_bytes(4, "big") + b"\x10" + payload
        payload, flags = self._padded(payload, flags)
        written = _frames(HEADERS, flags, stream, payload)
        if not flags & END_HEADERS:
            for number in range(pieces := dice.pick((0, 80) if self._odd() else (1, 2, 3))):
                part = rest if number == pieces - 1 else b""
                last = END_HEADERS if number == pieces - 1 else 0
                written += _frames(CONTINUATION, last, stream, part)
        return written

    def _answer(self) -> bytes:
        """Write a plain answer: head, body, trailers, the same bytes each time if they can be."""
        stream = self._stream()
        head = self._encoder.encode(self._heads[0], huffman=False)
        body = self._dice.text(20)
        trailers = self._encoder.encode(TRAILERS, huffman=False)
        return (
            frame(HEADERS, END_HEADERS, stream, head)
            + frame(DATA, 0, stream, b"\0" + len(body).to_bytes(4, "big") + body)
            + frame(HEADERS, END_HEADERS | END_STREAM, stream, trailers)
        )

    def _padded(self, payload: bytes, flags: int) -> tuple[bytes, int]:
        if not self._dice.chance(8):
            return payload, flags
        size = self._dice.pick((0, 1, 255, 20))
        flags |= PADDED
        return bytes((size,)) + payload + bytes(0 if self._odd() else size), flags

    def _data(self) -> bytes:
        dice = self._dice
        how = dice.byte()
        if how < 128:
            # A gRPC message, whole or not.
            body = dice.text(20)
            payload = bytes((dice.pick((0, 0, 0, 1, 2)),)) + len(body).to_bytes(4, "big") + body
        else:
            payload = bytes(dice.pick(SIZES))
        payload, flags = self._padded(payload[:16_384], END_STREAM if how % 4 == 1 else 0)
        if not self._odd():
            payload = payload[:16_384]
        return frame(DATA, flags, self._stream(), payload)

    def _window_update(self) -> bytes:
        stream = 0 if self._dice.chance() else self._stream()
        increment = self._dice.pick(ODD_INCREMENTS if self._odd() else INCREMENTS)
        return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))

    def _settings(self) -> bytes:
        entries = b""
        for _ in range(self._dice.below(4)):
            number = self._dice.pick((4, 1, 3, 5, 6, 2, 9, 4))
            value = self._dice.pick(ODD_VALUES if self._odd() else SETTINGS_VALUES[number])
            entries += number.to_bytes(2, "big") + value.to_bytes(4, "big")
        return frame(SETTINGS, 0, 0, entries)

    def _settings_ack(self) -> bytes:
        return frame(SETTINGS, 1, 0, b"")

    def _reset(self) -> bytes:
        code = self._dice.pick((8, 0, 7, 2, 0xFFFFFFFF))
        return frame(RST_STREAM, 0, self._stream(), code.to_bytes(4, "big"))

    def _ping(self) -> bytes:
        payload = self._dice.pick((b"12345678", b"mcpmeshD", b"mcpmeshK"))
        return frame(PING, self._dice.below(2), 0, payload)

    def _goaway(self) -> bytes:
        if not self._dice.chance(4):
            return self._ping()
        last = self._dice.pick((0x7FFFFFFF, 0, 1, 3)).to_bytes(4, "big")
        return frame(GOAWAY, 0, 0, last + bytes(4) + self._dice.text())

    def _priority(self) -> bytes:
        stream = self._stream()
        on = stream if self._odd() else stream + 2
        return frame(PRIORITY, 0, stream, on.to_bytes(4, "big") + b"\x10")

    def _anything(self) -> bytes:
        dice = self._dice
        kind = dice.pick((11, 0xFF))
        if self._odd():
            kind = dice.pick((PUSH_PROMISE, *range(10)))
        return frame(kind, dice.byte(), self._stream() * dice.below(2), dice.text())


def _frames(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Write a frame; one over the default size is cut, as an honest peer would."""
    written = frame(kind, flags if len(payload) <= 16_384 else flags & ~END_HEADERS, stream,
                    payload[:16_384])  # fmt: skip
    for at in range(16_384, len(payload), 16_384):
        last = at + 16_384 >= len(payload)
        written += frame(
            CONTINUATION, flags & END_HEADERS if last else 0, stream, payload[at : at + 16_384]
        )
    return written
