"""Decode HPACK header blocks; a block that comes again costs one dict look-up.

Two memos carry the speed. *Blocks*: bytes → the same tuple object, as long as the dynamic table
stays as it is; gRPC peers repeat whole blocks call after call. *Strings*: short Huffman strings →
text, for peers (nginx) that Huffman-code every field of every block, next to one fresh value.
What is found out about a block (`Block`) is remembered with it.
A block with literals is remembered when it comes the second time, so a stream of blocks that
each carry a fresh `traceparent` neither fills the memo nor pushes the repeating blocks out; those
are read by their `Layout`.
"""

from itertools import chain

from mcpmesh.wire import huffman
from mcpmesh.wire.block import Block
from mcpmesh.wire.hpack_layout import Key, Layout, key_of, layout_of
from mcpmesh.wire.hpack_table import (
    FIELD_OVERHEAD,
    PROTOCOL_TABLE_SIZE,
    Header,
    HeaderBomb,
    HeaderListTooLarge,
    Headers,
    HeaderTable,
    HpackError,
)

_MAX_BLOCKS_COST = 256 * 1024  # bytes, as `_remember` counts them
_MAX_BLOCK_COST = 8 * 1024
_NOTE_COST = 1024  # what people upstairs may find out about a block
_MAX_SEEN = 512  # hashes of blocks seen once
_MAX_LAYOUTS = 32
_MAX_STRINGS = 256
_MAX_STRING_BYTES = 32  # encoded; a traceparent has 35 or more, so it never pushes others out
_MAX_INTEGER_SHIFT = 28
_BOMB = 8  # times the limit of list size


class Decoder:
    """The receiving end of one connection's header compression.

    `max_table_size` is our SETTINGS_HEADER_TABLE_SIZE as far as the peer has acknowledged it,
    `max_list_size` our SETTINGS_MAX_HEADER_LIST_SIZE.
    Units: bytes.
    """

    __slots__ = (
        "_blocks",
        "_blocks_cost",
        "_layouts",
        "_max_list_size",
        "_max_table_size",
        "_seen",
        "_strings",
        "_table",
        "known",
    )

    def __init__(self, *, max_table_size: int = 4096, max_list_size: int = 16384) -> None:
        self._max_table_size = max_table_size
        self._max_list_size = max_list_size
        self._table = HeaderTable(min(max_table_size, PROTOCOL_TABLE_SIZE))
        self._blocks: dict[bytes, Block] = {}
        #: The block of these bytes, if it is remembered: the fast half of `read`.
        self.known = self._blocks.get
        self._blocks_cost = 0
        self._seen: set[int] = set()
        # By their keys; None after the first block with a key, or where there is no layout.
        self._layouts: dict[Key | None, Layout | None] = {}
        self._strings: dict[bytes, bytes] = {}

    def set_max_table_size(self, max_table_size: int) -> None:
        """Apply our SETTINGS_HEADER_TABLE_SIZE, once the peer has acknowledged it.

        If the table is now too large, the next block must begin by shrinking it.
        """
        self._max_table_size = max_table_size
        self._forget_blocks()

    def decode(self, block: bytes) -> Headers:
        """Decode one complete header block to its fields.

        A repeated block gives the same tuple object again.
        Raises: as `read`.
        """
        return self.read(block).headers

    def read(self, block: bytes) -> Block:
        """Decode one complete header block; repeated bytes give the same object again.

        Raises: HeaderListTooLarge if the list is over the limit (the decoder stays usable);
        HpackError if the block is malformed (the connection is lost).
        Source: RFC 7541, section 6.
        """
        return self.known(block) or self._read_new(block)

    def laid_out(self, block: bytes) -> Block | None:
        """Read a block that is written like some before it; None for every other one."""
        layout = self._layouts.get(key_of(block))
        if layout is None or (cut := layout.read(block)) is None:
            return None
        found = Block(cut, layout)
        self._remember(block, found, True, layout.list_size)
        return found

    def _read_new(self, block: bytes) -> Block:
        laid_out = self.laid_out(block)
        if laid_out is not None:
            return laid_out
        start = 0
        try:
            if block and block[0] & 0xE0 == 0x20:
                start = self._read_size_updates(block)
            if self._table.max_size > self._max_table_size:
                raise HpackError(
                    f"header block must shrink the dynamic table to {self._max_table_size} bytes"
                )
            fields, literals, changed, overflow = self._read_fields(block, start)
        except IndexError:
            raise HpackError("header block is cut short or uses an index past the table") from None
        list_size = sum(map(len, chain.from_iterable(fields))) + FIELD_OVERHEAD * len(fields)
        if overflow or list_size > self._max_list_size:
            if changed:
                self._forget_blocks()
            if list_size > _BOMB * self._max_list_size:
                raise HeaderBomb(f"a header list of {list_size} bytes in a block of {len(block)}")
            raise HeaderListTooLarge(
                f"header list is larger than the limit of {self._max_list_size} bytes"
            )
        found = Block(tuple(fields))
        if changed:
            self._forget_blocks()
        elif not start:
            self._remember(block, found, literals, list_size)
            if literals and (key := key_of(block)) is not None:
                found.layout = self._lay_out(key, block, found.headers)
        return found

    def _lay_out(self, key: Key, block: bytes, headers: Headers) -> Layout | None:
        """Find how blocks with this key are written, when it is not the first of them."""
        layouts = self._layouts
        if key in layouts:
            layout = layouts[key] = layout_of(key, block, headers)
            return layout
        if len(layouts) >= _MAX_LAYOUTS:
            layouts.clear()
        layouts[key] = None
        return None

    def _read_size_updates(self, block: bytes) -> int:
        """Apply the table size updates at the start of a block and return where they end."""
        pos = 0
        while pos < len(block) and block[pos] & 0xE0 == 0x20:
            size, pos = _read_integer(block, pos, 0x1F)
            if size > self._max_table_size:
                raise HpackError(
                    f"table size update to {size} is over the limit of {self._max_table_size}"
                )
            self._table.resize(size)
        self._forget_blocks()
        return pos

    # One loop without a call per field: every block comes through here.
    def _read_fields(self, block: bytes, pos: int) -> tuple[list[Header], bool, bool, bool]:
        """Return fields, whether literals were among them, whether the table changed, overflow.

        After an overflow, the fields are only those since; the table is kept in step. Indexed
        fields are references, so memory stays in proportion to the block; literals are counted.
        """
        table = self._table
        table_fields = table.fields
        max_fields = self._max_list_size // FIELD_OVERHEAD
        fields: list[Header] = []
        append = fields.append
        known_string = self._strings.get
        literals = changed = overflow = False
        end = len(block)
        while pos < end:
            byte = block[pos]
            if byte > 0x80:
                if byte < 0xFF:
                    pos += 1
                    append(table_fields[byte - 0x80])
                else:
                    index, pos = _read_integer(block, pos, 0x7F)
                    append(table_fields[index])
                continue
            if byte & 0x60 == 0x20 or byte == 0x80:
                raise HpackError("index 0, or a table size update after the first field")
            mask = 0x3F if byte & 0x40 else 0x0F
            index = byte & mask
            if index == mask:
                index, pos = _read_integer(block, pos, mask)
            else:
                pos += 1
            # The two ways to read a string that matter are spelt out twice: raw and short (our own
            # encoder), and short Huffman text seen before (nginx); the call is for the rest.
            if index:
                name = table_fields[index][0]
            else:
                length = block[pos]
                if length < 0x7F:
                    pos += 1 + length
                    name = block[pos - length : pos]
                elif (known := known_string(block[pos : pos + length - 0x7F])) is not None:
                    pos += length - 0x7F
                    name = known
                else:
                    name, pos = self._read_string(block, pos)
            length = block[pos]
            if length < 0x7F:
                pos += 1 + length
                value = block[pos - length : pos]
            elif (known := known_string(block[pos : pos + length - 0x7F])) is not None:
                pos += length - 0x7F
                value = known
            else:
                value, pos = self._read_string(block, pos)
            if pos > end:
                break
            literals = True
            field = (name, value)
            if byte & 0x40:
                table.insert(field)
                changed = True
            append(field)
            if len(fields) > max_fields:
                overflow = True
                fields.clear()
        if pos > end:
            raise HpackError("header block ends inside a string")
        return fields, literals, changed, overflow

    def _read_string(self, block: bytes, pos: int) -> tuple[bytes, int]:
        """Read a string; a position past the block's end tells that it was cut short."""
        start = pos
        huffman_coded = block[pos] & 0x80
        length, pos = _read_integer(block, pos, 0x7F)
        end = pos + length
        text = block[pos:end]
        if not huffman_coded or end > len(block):
            return text, end
        decoded = huffman.decode(text)
        if length <= _MAX_STRING_BYTES:
            if len(self._strings) >= _MAX_STRINGS:
                self._strings.clear()
            self._strings[block[start:end]] = decoded  # with its length, as the loop looks it up
        return decoded, end

    def _remember(self, block: bytes, found: Block, literals: bool, list_size: int) -> None:
        cost = len(block) + list_size + _NOTE_COST
        if cost > _MAX_BLOCK_COST:
            return
        if literals:
            key = hash(block)
            if key not in self._seen:
                if len(self._seen) >= _MAX_SEEN:
                    self._seen.clear()
                self._seen.add(key)
                return
        self._blocks_cost += cost
        if self._blocks_cost > _MAX_BLOCKS_COST:
            self._blocks.clear()
            self._blocks_cost = cost
        self._blocks[block] = found

    def _forget_blocks(self) -> None:
        self._layouts.clear()
        if self._blocks:
            self._blocks.clear()
            self._blocks_cost = 0

    def __repr__(self) -> str:
        return f"Decoder({self._table!r}, {len(self._blocks)} blocks remembered)"


def _read_integer(block: bytes, pos: int, mask: int) -> tuple[int, int]:
    """Read an integer whose first byte has it under `mask`; return it and the next position.

    Raises: HpackError over 35 bits, IndexError if cut short.
    Source: RFC 7541, section 5.1.
    """
    value = block[pos] & mask
    pos += 1
    if value < mask:
        return value, pos
    shift = 0
    while True:
        byte = block[pos]
        pos += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
        shift += 7
        if shift > _MAX_INTEGER_SHIFT:
            raise HpackError("integer is too large")
