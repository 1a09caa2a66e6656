"""HPACK in both directions against python-hyper's, with table size changes and spoilt blocks."""

from random import Random

import hpack

from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_encoder import Encoder
from mcpmesh.wire.hpack_table import STATIC_FIELDS, Header, HpackError

_UNLIMITED = 1 << 24
_SIZES = (0, 33, 64, 200, 1_000, 4_096, 65_536)
_NAMES = (b":path", b":status", b"te", b"authorization", b"cookie", b"x-a", b"x-b", b"set-cookie")
_VALUES = (b"", b"200", b"trailers", b"application/grpc", b"/a.B/C", b"x" * 130, b"v" * 1_200)


class BlockSession:
    """Our encoder with hyper's decoder, and the reverse."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._pool = [self._fields() for _ in range(4)]
        self._our_encoder, self._their_decoder = Encoder(), hpack.Decoder(_UNLIMITED)
        self._their_encoder = hpack.Encoder()
        self._our_decoder = Decoder(max_list_size=_UNLIMITED)
        #: Reads what ours reads, to compare refusals.
        self._other_decoder = hpack.Decoder(_UNLIMITED)
        self.over = False
        self.refused = 0

    def _fields(self) -> tuple[Header, ...]:
        rng = self._rng
        return tuple(
            rng.choice(STATIC_FIELDS)
            if rng.random() < 0.3
            else (
                rng.choice(_NAMES) if rng.random() < 0.7 else rng.randbytes(rng.randrange(12)),
                rng.choice(_VALUES) if rng.random() < 0.7 else rng.randbytes(rng.randrange(80)),
            )
            for _ in range(rng.randrange(8))
        )

    def step(self, *, spoil: bool) -> None:
        """Send a block each way.

        Raises: AssertionError when what is read is not what was written, or a decoder refuses
        what the other takes.
        """
        rng = self._rng
        if rng.random() < 0.05:
            size = rng.choice(_SIZES)
            self._our_encoder.set_max_table_size(size)
            self._their_decoder.max_allowed_table_size = size
        if rng.random() < 0.05:
            size = rng.choice(_SIZES)
            self._our_decoder.set_max_table_size(size)
            self._other_decoder.max_allowed_table_size = size
            self._their_encoder.header_table_size = size
        headers = rng.choice(self._pool) if rng.random() < 0.6 else self._fields()
        volatile = self._fields() if rng.random() < 0.5 else ()
        written = self._our_encoder.encode(headers, volatile)
        read = self._their_decoder.decode(written, raw=True)
        assert _plain(read) == headers + volatile, "hyper reads something else than we wrote"
        block = self._their_encoder.encode(headers + volatile, huffman=rng.random() < 0.5)
        if spoil and block:
            spoilt = bytearray(block)
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            block = bytes(spoilt)
        self._decode_both(block, None if spoil else headers + volatile)

    def _decode_both(self, block: bytes, wanted: tuple[Header, ...] | None) -> None:
        try:
            theirs: tuple[Header, ...] | None = _plain(self._other_decoder.decode(block, raw=True))
        except hpack.HPACKError:
            theirs = None
        try:
            ours: tuple[Header, ...] | None = self._our_decoder.decode(block)
        except HpackError:
            ours = None
        assert ours == theirs, f"{block.hex()}: we read {ours}, hyper {theirs}"
        assert wanted is None or ours == wanted, "we read something else than hyper wrote"
        if ours is None:
            self.refused += 1
        # A spoilt block that both read leaves their encoder out of step.
        self.over = self.over or wanted is None


def _plain(headers: object) -> tuple[Header, ...]:
    return tuple((bytes(name), bytes(value)) for name, value in headers)  # type: ignore[attr-defined]
