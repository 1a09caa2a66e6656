"""Encode HPACK header blocks; fields that repeat call after call cost one dict look-up.

The caller says which fields repeat (`headers`) and which are fresh on each call (`volatile`). The
first go into the dynamic table and their whole block is remembered for as long as the table stays
as it is; the others are appended as literals that leave the table alone. A name whose values turn
out to keep changing loses its place in the table, so that a caller's unique metadata cannot throw
everybody else's fields out of it.
"""

from collections.abc import Callable, Iterable, Sequence

from mcpmesh.wire import huffman
from mcpmesh.wire.hpack_table import (
    FIRST_DYNAMIC,
    PROTOCOL_TABLE_SIZE,
    STATIC_FIELDS,
    Header,
    Headers,
    HeaderTable,
    field_size,
)

SENSITIVE_NAMES = frozenset(
    (b"authorization", b"cookie", b"set-cookie", b"proxy-authorization", b"proxy-authenticate")
)
"""Names whose values no hop may put into a table (RFC 7541, section 7.1.3)."""

_INDEXED = 0x80
_INCREMENTAL = 0x40
_SIZE_UPDATE = 0x20
_NEVER_INDEXED = 0x10
_NOT_INDEXED = 0x00

_MAX_BLOCKS_COST = 256 * 1024  # bytes: blocks and the tuples they are remembered for
_MAX_BLOCK_COST = 8 * 1024
_MAX_PREFIXES = 256
_MAX_SAME = 64
_MAX_VALUES = 16  # per name and epoch; then the name is taken to be one that keeps changing
_MAX_NAMES = 256  # that may enter the table in one epoch
_EPOCH_BLOCKS = 8192  # new blocks until every name gets another chance

_STATIC_INDEX = {field: index for index, field in enumerate(STATIC_FIELDS, 1)}
_STATIC_NAME_INDEX = {
    field[0]: index for index, field in reversed(list(enumerate(STATIC_FIELDS, 1)))
}
_SHORT_LENGTHS = [bytes((length,)) for length in range(0x7F)]


#: Fields that are new in every block; as bytes, already written by `hpack_literal`.
Volatile = Sequence[Header] | bytes


class Encoder:
    """The sending end of one connection's header compression.

    `max_table_size` is the most we use, whatever the peer allows.
    Units: bytes.
    """

    __slots__ = (
        "_blocks",
        "_blocks_cost",
        "_epoch_blocks",
        "_field_serial",
        "_inserted",
        "_kept",
        "_max_table_size",
        "_name_serial",
        "_pending_min_size",
        "_pending_size",
        "_prefixes",
        "_table",
        "_value_counts",
        "same",
    )

    def __init__(self, *, max_table_size: int = 4096) -> None:
        self._max_table_size = max_table_size
        self._table = HeaderTable(PROTOCOL_TABLE_SIZE)
        self._blocks: dict[Headers, bytes] = {}
        self._blocks_cost = 0
        #: Blocks by identity of the tuple; all are kept alive, so that an identity stays its own.
        self.same: dict[int, bytes] = {}
        self._kept: list[Headers] = []
        self._prefixes: dict[bytes, bytes] = {}
        # A dynamic field is known by the number of its insertion: its index moves, that doesn't.
        self._inserted = 0
        self._field_serial: dict[Header, int] = {}
        self._name_serial: dict[bytes, int] = {}
        self._value_counts: dict[bytes, int] = {}
        self._epoch_blocks = 0
        self._pending_size = self._pending_min_size = PROTOCOL_TABLE_SIZE
        self.set_max_table_size(PROTOCOL_TABLE_SIZE)

    def set_max_table_size(self, max_table_size: int) -> None:
        """Follow the peer's SETTINGS_HEADER_TABLE_SIZE, from the next block on.

        Source: RFC 7541, section 4.2: the smallest size in between is signalled, then the last.
        """
        self._pending_size = min(max_table_size, self._max_table_size)
        self._pending_min_size = min(self._pending_min_size, self._pending_size)
        self._forget_blocks()

    def start_over(self) -> None:
        """Empty the table, here and with the next block there: a block that was made is not sent.

        Source: RFC 7541, section 4.3.
        """
        self._pending_min_size = 0
        self._forget_blocks()

    def encode(self, headers: Iterable[Header], volatile: Volatile = ()) -> bytes:
        """Encode one header block: `headers`, then `volatile`.

        Shape: `headers` as the same or an equal tuple is the fast way; names are lower case.
        `volatile` must hold no pseudo-header fields, for those come before all others; as bytes
        it is fields already written by `hpack_literal`.
        """
        # The same object mostly comes again: its identity is cheaper than its hash.
        block = self.same.get(id(headers)) or self._encode_equal(headers)
        if not volatile:
            return block
        if isinstance(volatile, bytes):
            return block + volatile
        # Values go raw: a peer decodes 55 bytes of Huffman code slowly if it is Python and
        # slower than a copy if it is not; the 15 bytes saved are worth nothing on a LAN.
        prefixes = self._prefixes
        for name, value in volatile:
            prefix = prefixes.get(name)
            if prefix is None:
                prefix = self._literal_prefix(name)
            length = len(value)
            if length < 0x7F:
                block += prefix + _SHORT_LENGTHS[length] + value
            else:
                block += prefix + encode_integer(length, 7, 0) + value
        return block

    def _encode_equal(self, headers: Iterable[Header]) -> bytes:
        """Encode fields that are not the same object as any of late, but may be equal to some."""
        fields = headers if type(headers) is tuple else tuple(headers)
        block = self._blocks.get(fields)
        if block is None:
            return self._encode_new(fields)
        if fields is headers:
            if len(self.same) >= _MAX_SAME:
                self.same.clear()
                self._kept.clear()
            self.same[id(fields)] = block
            self._kept.append(fields)
        return block

    def _encode_new(self, headers: Headers) -> bytes:
        self._epoch_blocks += 1
        if self._epoch_blocks > _EPOCH_BLOCKS:
            self._epoch_blocks = 0
            self._value_counts.clear()
        inserted = self._inserted
        size_updates = self._size_updates()
        block = b"".join([size_updates, *map(self._encode_field, headers)])
        if self._inserted == inserted and not size_updates:
            self._remember(headers, block)
        return block

    def _encode_field(self, field: Header) -> bytes:
        index = _STATIC_INDEX.get(field)
        if index is not None:
            return encode_integer(index, 7, _INDEXED)
        name, value = field
        serial = self._field_serial.get(field)
        if serial is not None:
            return encode_integer(FIRST_DYNAMIC + self._inserted - serial, 7, _INDEXED)
        if not self._may_index(field):
            return self._literal_prefix(name) + _raw_string(value)
        encoded = self._name(name, 6, _INCREMENTAL, _shorter_string) + _shorter_string(value)
        self._insert(field)
        return encoded

    def _may_index(self, field: Header) -> bool:
        """Say whether a field may enter the table, and count it against its name if so."""
        name = field[0]
        if name in SENSITIVE_NAMES or field_size(field) * 4 > self._table.max_size:
            return False
        counts = self._value_counts
        count = counts.get(name, 0)
        if count >= _MAX_VALUES or (not count and len(counts) >= _MAX_NAMES):
            return False
        counts[name] = count + 1
        return True

    def _insert(self, field: Header) -> None:
        evicted = self._table.insert(field)
        serial = self._inserted = self._inserted + 1
        self._field_serial[field] = self._name_serial[field[0]] = serial
        self._drop(evicted, serial)
        self._forget_blocks()

    def _drop(self, evicted: list[Header], newest_serial: int) -> None:
        """Forget the serials of evicted fields, which are the oldest ones in the table."""
        if not evicted:
            return
        oldest_kept = newest_serial - (len(self._table.fields) - FIRST_DYNAMIC) + 1
        for field in evicted:
            del self._field_serial[field]
            if self._name_serial.get(field[0], oldest_kept) < oldest_kept:
                del self._name_serial[field[0]]

    def _size_updates(self) -> bytes:
        """Apply pending changes of the table's size and return what tells the peer."""
        size, smallest = self._pending_size, self._pending_min_size
        if smallest >= size == self._table.max_size:
            return b""
        encoded = b""
        if smallest < min(size, self._table.max_size):
            encoded = encode_integer(smallest, 5, _SIZE_UPDATE)
        self._drop(self._table.resize(smallest), self._inserted)
        self._table.resize(size)
        self._pending_min_size = size
        return encoded + encode_integer(size, 5, _SIZE_UPDATE)

    def _literal_prefix(self, name: bytes) -> bytes:
        """Return all of a literal that doesn't touch the table, up to its value; remembered."""
        prefix = self._prefixes.get(name)
        if prefix is None:
            pattern = _NEVER_INDEXED if name in SENSITIVE_NAMES else _NOT_INDEXED
            prefix = self._name(name, 4, pattern, _raw_string)
            if len(self._prefixes) >= _MAX_PREFIXES:
                self._prefixes.clear()
            self._prefixes[name] = prefix
        return prefix

    def _name(
        self, name: bytes, bits: int, pattern: int, string: Callable[[bytes], bytes]
    ) -> bytes:
        """Return a literal's start: the index of its name, or the name itself."""
        index = _STATIC_NAME_INDEX.get(name)
        if index is None:
            serial = self._name_serial.get(name)
            if serial is None:
                return bytes((pattern,)) + string(name)
            index = FIRST_DYNAMIC + self._inserted - serial
        return encode_integer(index, bits, pattern)

    def _remember(self, headers: Headers, block: bytes) -> None:
        cost = len(block) + sum(map(field_size, headers))
        if cost > _MAX_BLOCK_COST:
            return
        self._blocks_cost += cost
        if self._blocks_cost > _MAX_BLOCKS_COST:
            self._blocks.clear()
            self._blocks_cost = cost
        self._blocks[headers] = block

    def _forget_blocks(self) -> None:
        self._blocks.clear()
        self.same.clear()
        self._kept.clear()
        self._blocks_cost = 0
        self._prefixes.clear()

    def __repr__(self) -> str:
        return f"Encoder({self._table!r}, {len(self._blocks)} blocks remembered)"


def encode_integer(value: int, bits: int, pattern: int) -> bytes:
    """Encode an integer into the low `bits` of a byte that starts with `pattern`, and on.

    Source: RFC 7541, section 5.1.
    """
    mask = (1 << bits) - 1
    if value < mask:
        return bytes((pattern | value,))
    encoded = bytearray((pattern | mask,))
    value -= mask
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _raw_string(text: bytes) -> bytes:
    return encode_integer(len(text), 7, 0) + text


def _shorter_string(text: bytes) -> bytes:
    """Encode a string in the shorter form: for fields that enter the table, so are sent once."""
    coded = huffman.encode(text)
    if len(coded) < len(text):
        return encode_integer(len(coded), 7, 0x80) + coded
    return _raw_string(text)
