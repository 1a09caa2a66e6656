"""How large a header list is to whoever reads it, and what is sent in place of one too large.

Source: RFC 9113, section 6.5.2 (SETTINGS_MAX_HEADER_LIST_SIZE).
"""

from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_literal import literal_sizes
from mcpmesh.wire.hpack_table import FIELD_OVERHEAD, Headers, field_size

_RESOURCE_EXHAUSTED = (b"grpc-status", b"8")
#: What the fields of both tables can be at most, once each: few bytes on the wire.
_TABLES_BYTES = 8 * 1024
#: A byte of the others on the wire is at most so many of the list: a field of one character.
_MOST_PER_BYTE = 8
#: Taken by every peer, whatever it says: no request is shorter by much, and no refusal.
_ALWAYS_TAKEN_BYTES = 1024


def limit_of(limit: int | None) -> int | None:
    """Return the limit that is kept to for a peer that announces this one."""
    return None if limit is None else max(limit, _ALWAYS_TAKEN_BYTES)


def list_size(headers: Headers, volatile: Volatile) -> int:
    """Return the size of a list as its reader counts it.

    Units: bytes, and 32 more for each field.
    """
    size = sum(map(field_size, headers))
    if isinstance(volatile, bytes):
        return size + sum(FIELD_OVERHEAD + each for each in literal_sizes(volatile))
    return size + sum(map(field_size, volatile))


def unsuspicious_block(limit: int | None, max_frame: int) -> int:
    """Return up to how many bytes a block goes out in one frame, and unmeasured.

    Shorter ones are a longer list only if they repeat names of the tables over and over.
    """
    if limit is None:
        return max_frame
    return min(max_frame, max(0, limit - _TABLES_BYTES) // _MOST_PER_BYTE)


def too_large(size: int, limit: int | None) -> str:
    """Say that a list is over the peer's limit."""
    return f"metadata of {size} bytes, over the {limit} that the peer takes"


def trailers_too_large(headers: Headers, size: int, limit: int | None) -> Headers:
    """Return what ends a stream in place of trailers that its peer would not take.

    Source: gRPC's core library, which ends such calls with RESOURCE_EXHAUSTED.
    """
    head = tuple(field for field in headers if field[0] in (b":status", b"content-type"))
    return (*head, _RESOURCE_EXHAUSTED, (b"grpc-message", too_large(size, limit).encode()))
