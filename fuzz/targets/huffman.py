"""Huffman strings beside python-hyper's, in both directions."""

from hpack.exceptions import HPACKDecodingError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman

from mcpmesh.wire import huffman
from mcpmesh.wire.hpack_table import HpackError

_ENCODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
SEEDS = (
    b"", b"www.example.com", b"\xff\xff\xff\xff", b"\x00\x80\xff\n\r", huffman.encode(b"no-cache"),
    huffman.encode(bytes(range(256))), huffman.encode(b"a")[:-1] + b"\x00", b"\x1f\xff",
)  # fmt: skip


def check(data: bytes) -> None:
    """Encode and decode; what is no Huffman string is an HpackError for both."""
    encoded = huffman.encode(data)
    assert encoded == _ENCODER.encode(data)
    assert huffman.decode(encoded) == data
    try:
        wanted: bytes | None = bytes(decode_huffman(data))
    except HPACKDecodingError:
        wanted = None
    try:
        got: bytes | None = huffman.decode(data)
    except HpackError:
        got = None
    assert got == wanted, f"{got!r}, and hyper says {wanted!r}"
