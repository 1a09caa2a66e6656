"""Valid frames of a peer, made at random, and ways to spoil them."""

from dataclasses import dataclass
from random import Random

import hpack

from fuzz.peer_frames import ODD_FIELDS, Fields
from mcpmesh.wire.frame import (
    ACK,
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

REQUEST: Fields = [
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b":authority", b"h"),
    (b"te", b"trailers"),
]  # fmt: skip
RESPONSE: Fields = [(b":status", b"200")]
_EXTRA: Fields = [
    (b"content-type", b"application/grpc"), (b"x-a", b"b" * 40),
    (b"grpc-timeout", b"1S"), (b"cookie", b"a=b"), (b"cookie", b"c=d"), (b"x-empty", b""),
    (b"x-long", b"v" * 300), (b"authorization", b"Bearer x"), (b"user-agent", b"traffic/1"),
]  # fmt: skip
_SIZES = (0, 1, 5, 100, 100, 1_000, 16_384)
_MOST_OPEN = 6


@dataclass(slots=True)
class PeerStream:
    """What the peer did on a stream."""

    headed: bool = False
    ended: bool = False
    #: Body bytes that content-length promised; -1 for none.
    promised: int = -1
    credit: int = 0


class Traffic:
    """What a correct peer sends next; `client` tells which side it is."""

    def __init__(self, rng: Random, *, client: bool) -> None:
        self._rng = rng
        self._client = client
        self._encoder = hpack.Encoder()
        self._next_id = 1
        self._credit = 0
        self.streams: dict[int, PeerStream] = {}

    def next(self) -> list[bytes]:
        """Write the frames of one step; those of a header block stand together."""
        rng = self._rng
        what = rng.random()
        open_ids = [number for number, stream in self.streams.items() if not stream.ended]
        if self._client and (not open_ids or (what < 0.2 and len(open_ids) < _MOST_OPEN)):
            self.streams[self._next_id] = PeerStream()
            self._next_id += 2
            return self._head(self._next_id - 2)
        if open_ids and what < 0.75:
            return self._go_on(rng.choice(open_ids))
        return [self._control()]

    def ended(self, number: int) -> None:
        """Learn that the stream is over, for the other side reset it."""
        self.streams.pop(number, None)

    def _go_on(self, number: int) -> list[bytes]:
        stream, rng = self.streams[number], self._rng
        if not stream.headed:
            return [self._answer(number)] if rng.random() < 0.3 else self._head(number)
        what = rng.random()
        if what < 0.04:
            del self.streams[number]
            code = rng.choice((0, 2, 7, 8, 0x1234))
            return [frame(RST_STREAM, 0, number, code.to_bytes(4, "big"))]
        if what < 0.2 and stream.promised <= 0:
            self._over(number)
            return self._block(number, [(b"grpc-status", b"0"), *self._extra()], END_STREAM)
        if what < 0.3:
            return [self._window_update(number)]
        return [self._data(number)]

    def _answer(self, number: int) -> bytes:
        """Write a whole message, plain and in one piece, as most are."""
        encode = self._encoder.encode
        head = encode(REQUEST if self._client else RESPONSE, huffman=False)
        trailers = encode([(b"grpc-status", b"0")], huffman=False)
        self._over(number)
        return (
            frame(HEADERS, END_HEADERS, number, head)
            + frame(DATA, 0, number, self._rng.randbytes(self._rng.choice((5, 100, 4_000))))
            + frame(HEADERS, END_HEADERS | END_STREAM, number, trailers)
        )

    def _over(self, number: int) -> None:
        # Kept, to be named now and then: our side may still be open.
        self.streams[number].ended = True

    def _extra(self) -> Fields:
        return self._rng.sample(_EXTRA, self._rng.choice((0, 0, 1, 2, 5)))

    def _head(self, number: int) -> list[bytes]:
        stream, rng = self.streams[number], self._rng
        if not self._client and rng.random() < 0.1:
            return self._block(number, [(b":status", b"103"), *self._extra()], 0)
        stream.headed = True
        fields = [*(REQUEST if self._client else RESPONSE), *self._extra()]
        end = END_STREAM if rng.random() < 0.2 else 0
        if rng.random() < 0.1:
            stream.promised = 0 if end else rng.choice((0, 7, 2_000))
            fields.append((b"content-length", b"%d" % stream.promised))
        if end:
            self._over(number)
        return self._block(number, fields, end)

    def _block(self, number: int, fields: Fields, flags: int) -> list[bytes]:
        rng = self._rng
        if rng.random() < 0.05:
            self._encoder.header_table_size = rng.choice((0, 64, 1_000, 4_096))
        block = self._encoder.encode(fields, huffman=rng.random() < 0.2)
        pieces = [block]
        if rng.random() < 0.15:
            cuts = sorted(rng.randrange(len(block) + 1) for _ in range(rng.randint(1, 4)))
            pieces = [block[a:b] for a, b in zip([0, *cuts], [*cuts, len(block)], strict=True)]
        payload = pieces[0]
        if rng.random() < 0.1:
            flags |= HAS_PRIORITY
            payload = (number + 2).to_bytes(4, "big") + b"\x10" + payload
        payload, flags = self._padded(payload, flags)
        if len(pieces) == 1:
            return [frame(HEADERS, flags | END_HEADERS, number, payload)]
        return [
            frame(HEADERS, flags, number, payload),
            *(frame(CONTINUATION, 0, number, piece) for piece in pieces[1:-1]),
            frame(CONTINUATION, END_HEADERS, number, pieces[-1]),
        ]

    def _padded(self, payload: bytes, flags: int) -> tuple[bytes, int]:
        if self._rng.random() > 0.1:
            return payload, flags
        size = self._rng.choice((0, 1, 20, 255))
        return bytes((size,)) + payload + bytes(size), flags | PADDED

    def _data(self, number: int) -> bytes:
        stream, rng = self.streams[number], self._rng
        size = rng.choice(_SIZES)
        end = rng.random() < 0.15
        if stream.promised >= 0:
            size = min(size, stream.promised)
            stream.promised -= size
            end = end and not stream.promised
        payload, flags = self._padded(rng.randbytes(min(size, 16_000)), END_STREAM if end else 0)
        if stream.promised >= 0:
            stream.promised += size - min(size, 16_000)
            if stream.promised:
                flags &= ~END_STREAM
                end = False
        if end:
            self._over(number)
        return frame(DATA, flags, number, payload)

    def _window_update(self, number: int) -> bytes:
        size = self._rng.choice((1, 100, 65_535, 1_000_000))
        credit = self._credit if not number else self.streams[number].credit
        if credit + size > 1_000_000_000:
            return frame(PING, 0, 0, b"unneeded")
        if number:
            self.streams[number].credit += size
        else:
            self._credit += size
        return frame(WINDOW_UPDATE, 0, number, size.to_bytes(4, "big"))

    def _control(self) -> bytes:
        rng = self._rng
        what = rng.randrange(6)
        if what == 0:
            return frame(PING, rng.choice((0, ACK)), 0, rng.randbytes(8))
        if what == 1:
            return self._window_update(0)
        if what == 2:
            number = rng.randrange(1, 99)
            return frame(PRIORITY, 0, number, (number + 1).to_bytes(4, "big") + b"\x10")
        if what == 3:
            return frame(rng.choice((0x10, 0xEE)), rng.randrange(256), 0, rng.randbytes(5))
        if what == 4 and rng.random() < 0.02:
            return frame(GOAWAY, 0, 0, (0x7FFFFFFF).to_bytes(4, "big") + bytes(4) + b"soon")
        return self._settings()

    def _settings(self) -> bytes:
        rng = self._rng
        values = {1: (0, 100, 4_096, 65_536), 3: (100, 1_000), 4: (0, 1_000, 65_535, 1_000_000),
                  5: (16_384, 20_000, 0xFFFFFF), 6: (10_000, 100_000), 0x99: (1,)}  # fmt: skip
        chosen = rng.sample(sorted(values), rng.randrange(3))
        entries = (
            number.to_bytes(2, "big") + rng.choice(values[number]).to_bytes(4, "big")
            for number in chosen
        )
        return frame(SETTINGS, 0, 0, b"".join(entries))


def spoiled(rng: Random, good: bytes) -> bytes:
    """Break the first frame somewhere, keeping its length field true."""
    size, kind, flags = int.from_bytes(good[:3], "big"), good[3], good[4]
    number = int.from_bytes(good[5:9], "big")
    payload, rest = bytearray(good[9 : 9 + size]), good[9 + size :]
    how = rng.randrange(10) if kind == HEADERS else rng.randrange(7)
    if how == 0 and payload:
        payload[rng.randrange(len(payload))] ^= 1 << rng.randrange(8)
    elif how == 1 and payload:
        del payload[rng.randrange(len(payload)) :]
    elif how == 2:
        flags ^= 1 << rng.randrange(8)
    elif how == 3:
        kind = rng.choice((*range(10), PUSH_PROMISE))
    elif how == 4:
        number = rng.choice((0, 1, 2, 3, number + 2, number + 1, 0x7FFFFFFF))
    elif how == 5:
        payload += rng.randbytes(rng.randrange(1, 9))
    elif how == 6 and payload:
        at = rng.randrange(len(payload))
        payload[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"))
    else:
        # A literal without indexing, so that the tables stay in step.
        name, value = rng.choice(ODD_FIELDS)
        if len(name) < 127 and len(value) < 127 and flags & END_HEADERS and not flags & PADDED:
            payload += b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value
    return frame(kind, flags, number, bytes(payload)) + rest
