"""Header blocks on one connection: the decoder beside python-hyper's, and the tables of both."""

import hpack as hyper

from fuzz.dice import Dice
from fuzz.laws import check_table
from mcpmesh.wire.hpack_decoder import Decoder
from mcpmesh.wire.hpack_table import FIRST_DYNAMIC, HeaderListTooLarge, HpackError

_LIST_BYTES = 2_000
_TABLE_BYTES = (4_096, 0, 100, 65_536)


def _block(*parts: str) -> bytes:
    block = bytes.fromhex("".join(parts))
    return bytes((len(block),)) + block


#: Of a run's time, against 1 for most targets.
SHARE = 3
#: The first byte: the table's size; then blocks, each after its length.
SEEDS = (
    # RFC 7541, appendix C: requests without and with Huffman code, and evictions.
    b"\x00" + _block("828684410f7777772e6578616d706c652e636f6d")
    + _block("828684be58086e6f2d6361636865")
    + _block("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
    b"\x00" + _block("828684418cf1e3c2e5f23a6ba0ab90f4ff") + _block("828684be5886a8eb10649cbf"),
    b"\x02" + _block("4803333032580770726976617465") + _block("4803333037c1c0bf") + _block("20be") ,
    b"\x03" + _block("3fe1ff03", "400161017f") + _block("3fe11f82") + _block("203f45be"),
    b"\x01" + _block("0f8180808000"),
    b"\x00" + _block("00857fffffff", "8100"),
)  # fmt: skip


def check(data: bytes) -> None:
    """Decode blocks; only HpackError may come out, and hyper must read the same fields."""
    dice = Dice(data)
    size = dice.pick(_TABLE_BYTES)
    ours = Decoder(max_table_size=size, max_list_size=_LIST_BYTES)
    theirs = hyper.Decoder(max_header_list_size=1 << 24)
    theirs.header_table_size = min(size, 4_096)
    theirs.max_allowed_table_size = size
    while dice.left:
        block = dice.bytes(dice.byte() or dice.below(40_000))
        # Twice and thrice, for what was decoded before is remembered.
        for _ in range(dice.pick((1, 2, 3))):
            if not _agree(block, ours, theirs):
                return
        check_table(ours._table, size)
        assert ours._table.fields[FIRST_DYNAMIC:] == [
            (bytes(name), bytes(value)) for name, value in theirs.header_table.dynamic_entries
        ], "the tables differ"


def _agree(block: bytes, ours: Decoder, theirs: hyper.Decoder) -> bool:
    """Decode with both; tell whether they can go on."""
    wanted = _theirs(theirs, block)
    try:
        fields = ours.decode(block)
    except HeaderListTooLarge:
        assert isinstance(wanted, tuple), f"over the limit, and hyper says {wanted}"
        total = sum(len(name) + len(value) + 32 for name, value in wanted)
        assert total > _LIST_BYTES, f"a list of {total} bytes is called too large"
        return True
    except HpackError as error:
        assert isinstance(wanted, str), f"{error}, and hyper reads {wanted}"
        return False
    assert fields == wanted, f"{fields}, and hyper says {wanted}"
    return True


def _theirs(decoder: hyper.Decoder, block: bytes) -> tuple[tuple[bytes, bytes], ...] | str:
    try:
        fields = decoder.decode(block, raw=True)
    except hyper.HPACKError as error:
        return repr(error)
    return tuple((bytes(name), bytes(value)) for name, value in fields)
