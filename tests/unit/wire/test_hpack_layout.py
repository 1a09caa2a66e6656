"""Blocks that are read by a layout mean what they mean to others, and keep the same rules."""

import hpack
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpmesh.wire.error_code import StreamFault
from mcpmesh.wire.fields import check_request, content_length
from mcpmesh.wire.flood import FloodGate
from mcpmesh.wire.header_block import HeaderBlocks
from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_layout import Layout, key_of
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.limits import Limits

huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
#: What repeats: written with indexing by the first block, and as indices from then on.
REPEATED = (
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b":authority", b"host"),
    (b"te", b"trailers"), (b"content-type", b"application/grpc"),
)  # fmt: skip
#: In the dynamic table, after the four of these that are not in the static one.
INDICES = bytes((0x83, 0x86, 0xC1, 0xC0, 0xBF, 0xBE))


def first() -> bytes:
    return b"".join(
        bytes((0x80 | {b":method": 3, b":scheme": 6}[name],))
        if name in (b":method", b":scheme")
        else b"\x40" + bytes((len(name),)) + name + bytes((len(value),)) + value
        for name, value in REPEATED
    )


def string(text: bytes, coded: bool) -> bytes:
    """Write a string; its length with one byte more where that does not hold it."""
    text = huffman.encode(text) if coded else text
    mark = 0x80 if coded else 0
    if len(text) < 0x7F:
        return bytes((mark | len(text),)) + text
    assert len(text) < 0x7F + 0x80
    return bytes((mark | 0x7F, len(text) - 0x7F)) + text


def literal(name: bytes, value: bytes, kind: int, coded_name: bool, coded_value: bool) -> bytes:
    return bytes((kind,)) + string(name, coded_name) + string(value, coded_value)


NAMES = st.sampled_from([b"traceparent", b"a", b"x" * 126, b"x" * 127, b"x" * 128])
VALUES = st.sampled_from([b"", b"1", b"22", b"v" * 126, b"v" * 127, b"w" * 127, b"\x00\x01a"])
LITERALS = st.builds(
    literal, NAMES, VALUES, st.sampled_from([0x00, 0x00, 0x10, 0x40]),
    st.sampled_from([False, False, True]), st.sampled_from([False, False, True]),
)  # fmt: skip
OTHERS = st.sampled_from([b"\x83", b"\xbe", b"\x04\x02/a", b"\x0f\x2f\x01b", b"\x20"])
BLOCKS = st.builds(
    lambda indices, rest: indices + b"".join(rest),
    st.sampled_from([INDICES, INDICES, INDICES[:3], b""]),
    st.lists(LITERALS | OTHERS, max_size=4),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(BLOCKS, min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=30))
def test_blocks_mean_the_same_to_another_decoder(blocks: list[bytes], order: list[int]) -> None:
    ours, theirs = Decoder(), hpack.Decoder()
    for block in (first(), *(blocks[number % len(blocks)] for number in order)):
        try:
            expected = [
                (bytes(name), bytes(value)) for name, value in theirs.decode(block, raw=True)
            ]
        except hpack.HPACKError:
            return
        assert list(ours.decode(block)) == expected


def test_the_third_of_its_kind_is_read_by_its_layout() -> None:
    decoder = Decoder()
    decoder.decode(first())
    found = []
    for value in (b"one", b"two", b"six", b"ten"):
        block = INDICES + literal(b"traceparent", value, 0, False, False)
        read = decoder.read(block)
        assert read.headers == (*REPEATED, (b"traceparent", value))
        found.append(read.layout)
    assert found[0] is None
    assert isinstance(found[1], Layout)
    assert found[1] is found[2] is found[3]


def test_a_layout_ends_with_the_table_that_it_refers_to() -> None:
    decoder = Decoder()
    decoder.decode(first())
    block = INDICES + literal(b"traceparent", b"one", 0, False, False)
    for _ in range(3):
        decoder.decode(block)
    decoder.decode(b"\x40\x01a\x01b")
    other = INDICES + literal(b"traceparent", b"two", 0, False, False)
    assert decoder.decode(other)[-2:] == ((b"a", b"b"), (b"traceparent", b"two"))


def test_long_blocks_are_not_kept_in_mind() -> None:
    assert key_of(INDICES * 200) is None


#: Values of equal length, so that one layout is that of many heads.
ANY = (b"aa", b"bb", b" a", b"a ", b"a\0", b"a\r", b"\n\n")
RULED = {
    b"traceparent": ANY, b"grpc-message": ANY, b"x": ANY, b"Bad": ANY, b"connection": ANY,
    b"te": (b"trailers", b"trailerz"), b"host": (b"host", b"HOST", b"evil"),
    b"content-length": (b"12", b"13", b"1x"), b":path": (b"/a", b"aa"),
}  # fmt: skip
NAMED = st.lists(st.sampled_from(sorted(RULED)), min_size=1, max_size=2)
CHOICES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=12)


@settings(deadline=None, max_examples=200)
@given(NAMED, CHOICES, st.sampled_from(["", "sized", "no path"]))
def test_requests_keep_the_same_rules(
    names: list[bytes], choices: list[tuple[int, int]], how: str
) -> None:
    blocks = HeaderBlocks(Limits(), FloodGate(100, 100))
    blocks.request(first())
    repeated, indices = REPEATED, INDICES
    if how == "no path":
        # It is among what differs, if at all.
        repeated, indices = REPEATED[:2], INDICES[:2]
    if how == "sized":
        # A length among what repeats.
        blocks.read(b"\x40\x0econtent-length\x012")
        repeated = (*REPEATED, (b"content-length", b"2"))
        indices = bytes((0x83, 0x86, 0xC2, 0xC1, 0xC0, 0xBF, 0xBE))
    for chosen in choices:
        head = [
            (name, RULED[name][number % len(RULED[name])])
            for name, number in zip(names, chosen, strict=False)
        ]
        block = indices + b"".join(literal(*field, 0, False, False) for field in head)
        fields = (*repeated, *head)
        assert _told(blocks, block) == _expected(fields)


def _told(blocks: HeaderBlocks, block: bytes) -> int | str:
    try:
        return blocks.request(block).content_length
    except StreamFault as fault:
        return str(fault)


def _expected(fields: Headers) -> int | str:
    try:
        check_request(fields)
        return content_length(fields)
    except StreamFault as fault:
        return str(fault)
