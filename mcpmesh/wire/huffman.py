"""The Huffman code of HPACK: strings of header fields to and from bits.

The code is canonical: within one length, codes count upwards in the order of the symbols, so the
table below holds only the lengths. Decoding takes a byte at a time through a table of
256 nodes × 256 bytes, whose rows are worked out when first needed: importing costs little.
"""

from collections.abc import Iterator
from functools import cache

from mcpmesh.wire.hpack_table import HpackError

# Source: RFC 7541, appendix B. The end-of-string symbol is the last of the 30-bit codes.
_SYMBOLS_BY_BITS: dict[int, bytes] = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
    19: b"\\\xc3\xd0",
    20: b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2",
    21: b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6",
    22: bytes.fromhex("81848586 88929a9c a0a3a4a9 aaadb2b5 b9babbbd bec4c6e4 e8e9"),
    23: bytes.fromhex("0187898a 8b8c8d8f 93959697 989b9d9e a5a6a8ae afb4b6b7 bcbfc5e7 ef"),
    24: b"\t\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed",
    25: b"\xc7\xcf\xea\xeb",
    26: b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff",
    27: bytes.fromhex("cbccd3d4 d6dddedf f1f4f5f6 f7f8fafb fcfdfe"),
    28: bytes.fromhex("02030405 0607080b 0c0e0f10 11121314 15171819 1a1b1c1d 1e1f7fdc f9"),
    30: b"\n\r\x16",
}


def _code_words() -> list[str]:
    """Return each symbol's code as a string of binary digits, by symbol."""
    words = [""] * 256
    code = bits_before = 0
    for bits, symbols in _SYMBOLS_BY_BITS.items():
        code <<= bits - bits_before
        bits_before = bits
        for symbol in symbols:
            words[symbol] = format(code, f"0{bits}b")
            code += 1
    return words


_WORDS = _code_words()


def _code_tree() -> tuple[list[list[int]], list[int]]:
    """Return the children of each inner node, and the nodes where a string may end.

    A child is an inner node (≥ 0) or a leaf (`~symbol`). The one branch that stays 0, which is
    the root and nobody's child, leads to the end-of-string symbol.
    """
    children = [[0, 0]]
    for symbol, word in enumerate(_WORDS):
        node = 0
        for digit in word[:-1]:
            branch = int(digit)
            if not children[node][branch]:
                children[node][branch] = len(children)
                children.append([0, 0])
            node = children[node][branch]
        children[node][int(word[-1])] = ~symbol
    ends, node = [0], 0
    for _ in range(7):  # padding is at most seven ones
        node = children[node][1]
        ends.append(node)
    return children, ends


_CHILDREN, _END_NODES = _code_tree()

# What a byte does at a node: the row of the next node, and the symbols completed on the way.
# Plain lists, for CPython subscripts those without a call. Rows start empty and are filled when
# first needed: a memo of a pure function, so all connections share it.
_Row = list[tuple["_Row", bytes]]
_ROWS: list[_Row] = [[] for _ in _CHILDREN]
_END_ROWS = frozenset(id(_ROWS[node]) for node in _END_NODES)
_DEAD = -1
_DEAD_ROW: _Row = []  # after an end-of-string symbol; never one of the ends
_DEAD_ROW.extend([(_DEAD_ROW, b"")] * 256)


@cache
def _nibble(node: int, bits: int) -> tuple[int, bytes]:
    """Return the node after four bits, or _DEAD, and the symbols completed on the way."""
    symbols = bytearray()
    for shift in range(3, -1, -1):
        node = _CHILDREN[node][bits >> shift & 1]
        if node < 0:
            symbols.append(~node)
            node = 0
        elif not node:
            return _DEAD, b""
    return node, bytes(symbols)


def _entries(node: int) -> Iterator[tuple[_Row, bytes]]:
    """Give what each byte does at a node: its halves repeat from node to node."""
    for high in range(16):
        middle, first = _nibble(node, high)
        for low in range(16):
            last, second = _nibble(middle, low) if middle != _DEAD else (_DEAD, b"")
            yield (_ROWS[last], first + second) if last != _DEAD else (_DEAD_ROW, b"")


def _fill(row: _Row) -> None:
    node = next(node for node, candidate in enumerate(_ROWS) if candidate is row)
    # One assignment, so that another thread sees the row empty or full.
    row[:] = list(_entries(node))


def decode(data: bytes) -> bytes:
    """Decode a Huffman string.

    Raises: HpackError if it contains the end-of-string symbol, or its padding is longer than
    seven bits or not all ones.
    Source: RFC 7541, section 5.2.
    """
    row = _ROWS[0]
    parts: list[bytes] = []
    append = parts.append
    stream = iter(data)
    while True:
        try:
            for byte in stream:
                row, symbols = row[byte]
                append(symbols)
            break
        except IndexError:
            _fill(row)
            row, symbols = row[byte]
            append(symbols)
    if id(row) not in _END_ROWS:
        raise HpackError("Huffman string has an end-of-string symbol, or wrong padding")
    return b"".join(parts)


def encode(data: bytes) -> bytes:
    """Encode a string, padded with ones to whole bytes."""
    # One join and one base-2 conversion, both linear; shifting code after code into an
    # integer is not.
    digits = "".join(map(_WORDS.__getitem__, data))
    if not digits:
        return b""
    padding = -len(digits) % 8
    return int(digits + "1" * padding, 2).to_bytes((len(digits) + padding) // 8, "big")
