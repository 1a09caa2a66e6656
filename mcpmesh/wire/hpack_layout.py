"""Header blocks that differ from each other in a few values alone, read by where those stand.

A block of a router's call is what repeats, as indices, and then literals whose values are new in
every call: its trace, its ids. From the second block on that is written like another, only the
values have to be cut out; everything else needs one comparison per literal.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mcpmesh.wire.hpack_table import FIELD_OVERHEAD, Headers

#: Indexed fields, an index in a byte each.
_indexed = re.compile(rb"[\x81-\xfe]+").match
#: A literal that leaves the table alone, and the index of its name.
_LITERAL, _NAME_INDEX = 0xE0, 0x0F
#: Lengths up to this one are a byte, and the string stands as it is.
_SHORT = 0x7F
#: Longer blocks are not kept in mind.
_MAX_BLOCK_BYTES = 1024

#: Blocks with the same key may have the same layout: the indices, and the length of it all.
Key = tuple[bytes, int]


class Literal(NamedTuple):
    """A literal field: all of it but its value, and where that begins and ends."""

    start: int
    value: int
    end: int
    written: bytes
    name: bytes


class Layout:
    """How a block is written, as long as the dynamic table stays as it is.

    Units: `list_size` in bytes, as the limit of the peer counts them.
    """

    __slots__ = ("_indexed", "_literals", "list_size", "note", "plain_request")

    def __init__(self, indexed: Headers, literals: tuple[Literal, ...], list_size: int) -> None:
        self._indexed = indexed
        self._literals = literals
        self.list_size = list_size
        #: A request's head that is written so is well-formed if the values of its literals are.
        self.plain_request = False
        #: What its reader made of what such heads have in common: makes a `Block.note` of the
        #: fields of one. None before the first; False where there is none to make.
        self.note: Any = None

    def __repr__(self) -> str:
        return f"<Layout of {len(self._indexed)} and {len(self._literals)} fields>"

    @property
    def literals(self) -> int:
        """How many of the fields, the last ones, are literals."""
        return len(self._literals)

    def read(self, block: bytes) -> Headers | None:
        """Return the fields of a block with this key; None when it is written otherwise."""
        fields = []
        for start, value, end, written, name in self._literals:
            if block[start:value] != written:
                return None
            fields.append((name, block[value:end]))
        return (*self._indexed, *fields)


def key_of(block: bytes) -> Key | None:
    """Return what blocks of one layout have in common; None for one that has none."""
    if len(block) > _MAX_BLOCK_BYTES:
        return None
    found = _indexed(block)
    return None if found is None else (found.group(), len(block))


def layout_of(key: Key, block: bytes, fields: Headers) -> Layout | None:
    """Return how a block with this key is written; None for more than indices and plain literals.

    The block was decoded to these fields, and did not change the table.
    """
    position = indices = len(key[0])
    literals = []
    for name, value in fields[indices:]:
        start = position
        kind = block[start]
        if kind & _LITERAL or kind & _NAME_INDEX == _NAME_INDEX:
            return None
        position += 1
        if not kind & _NAME_INDEX:
            if len(name) >= _SHORT or block[position] != len(name):
                return None
            position += 1 + len(name)
        if len(value) >= _SHORT or block[position] != len(value):
            return None
        position += 1
        literals.append(
            Literal(start, position, position + len(value), block[start:position], name)
        )
        position += len(value)
    if not literals or position != len(block):
        return None
    size = sum(len(name) + len(value) + FIELD_OVERHEAD for name, value in fields)
    return Layout(fields[:indices], tuple(literals), size)
