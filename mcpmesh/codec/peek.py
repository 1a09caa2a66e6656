"""Reads the tool's name out of a request that did not say it in its metadata.

Looks at the top-level fields `tool` (1) and `version` (3) of an InvokeRequest and skips the rest
unopened, so that a call costs its routing no decoding of arguments.
Source: Protocol Buffers encoding.
"""

from functools import lru_cache

from mcpmesh.codec.varint import read_varint
from mcpmesh.errors import InvalidCall

_TOOL = 1
_VERSION = 3
#: Field 1 and field 2, both length-delimited.
_TOOL_TAG, _ARGUMENTS_TAG = 0x0A, 0x12
_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = 0, 1, 2, 3, 4, 5
_MAX_NUMBER = (1 << 29) - 1
#: Longer than any body that is looked at here.
_NOT_SHORT = 1 << 62


def peek(message: bytes) -> tuple[str, str]:
    """Return the tool and the version asked for, "" when they are not set.

    Raises: InvalidCall when the message is not protobuf.
    """
    try:
        tool, version = _peek_fields(message)
        return tool.decode(), version.decode()
    except (IndexError, ValueError) as error:  # no UTF-8 either is a ValueError
        raise _broken() from error


def peek_short(body: bytes, start: int) -> str:
    """Return the tool of a request that is a short name and arguments under 16 KiB alone.

    Most are; this costs a tenth of going through the fields. The message is what follows `start`;
    "" for every other one, and for what is no message: ask `peek`.
    """
    try:
        after = start + 2 + body[start + 1]
        if body[after] != _ARGUMENTS_TAG:
            return ""
        length = body[after + 1]
        end = after + 2 + length
        if length >= 0x80:
            # Two bytes of length, the lower digits first.
            high = body[after + 2]
            end += (high << 7) - 0x7F if high < 0x80 else _NOT_SHORT
        return _named(body[start:after]) if end == len(body) else ""
    except IndexError:
        return ""


@lru_cache(maxsize=1024)
def _named(field: bytes) -> str:
    """Return the name in the field of one, as the same object each time: its hash is then known."""
    tool = field[2:]
    return tool.decode() if field[0] == _TOOL_TAG and len(tool) < 0x80 and tool.isascii() else ""


def _peek_fields(message: bytes) -> tuple[bytes, bytes]:
    names = {_TOOL: b"", _VERSION: b""}
    groups: list[int] = []
    position = 0
    size = len(message)
    while position < size:
        tag, position = read_varint(message, position)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= _MAX_NUMBER:
            raise _broken()
        if kind == _BYTES:
            length, position = read_varint(message, position)
            end = position + length
            if end > size:
                raise _broken()
            if number in names and not groups:
                names[number] = message[position:end]
            position = end
        elif kind == _VARINT:
            _, position = read_varint(message, position)
        elif kind in (_FIXED32, _FIXED64):
            position += 4 if kind == _FIXED32 else 8
        elif kind == _GROUP:
            groups.append(number)
        elif kind != _GROUP_END or not groups or groups.pop() != number:
            raise _broken()
    if position > size or groups:
        raise _broken()
    return names[_TOOL], names[_VERSION]


def _broken() -> InvalidCall:
    return InvalidCall("the request is not an InvokeRequest message")
