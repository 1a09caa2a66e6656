"""Header fields written out, without tables: the same bytes on every connection.

For fields whose values are new in every call: written once by whoever knows them, they cost no
look-up per field and connection.
Source: RFC 7541, section 6.2.2 (literal without indexing, new name).
"""

_NEVER_TWO_BYTES = 0x7F


def literal_name(name: str) -> str:
    """Write what comes before the value's length: the kind of field, and the name.

    Shape: Latin-1 text, so that f-strings can put whole blocks together; `name` is ASCII in lower
    case, shorter than 127.
    """
    assert len(name) < _NEVER_TWO_BYTES
    return f"\x00{chr(len(name))}{name}"


def literal_value(value: str) -> str:
    """Write a value with its length; Latin-1 text."""
    size = len(value)
    if size < _NEVER_TWO_BYTES:
        return chr(size) + value
    return _long_length(size) + value


def literal_sizes(written: bytes) -> list[int]:
    """Return the length of each field's name and value together."""
    sizes = []
    position = 0
    while position < len(written):
        name = written[position + 1]
        position += 2 + name
        value, shift = written[position], 0
        position += 1
        if value == _NEVER_TWO_BYTES:
            more = 0x80
            while more:
                more = written[position] & 0x80
                value += (written[position] & 0x7F) << shift
                shift += 7
                position += 1
        position += value
        sizes.append(name + value)
    return sizes


def _long_length(size: int) -> str:
    rest = size - _NEVER_TWO_BYTES
    written = chr(_NEVER_TWO_BYTES)
    while rest >= 0x80:
        written += chr(rest & 0x7F | 0x80)
        rest >>= 7
    return written + chr(rest)
