"""A request of one tool as a request of another, without opening more than its first field.

The name is put behind the message: of a field that stands twice the last counts, so arguments of
any size are neither read nor copied field by field.
Source: Protocol Buffers encoding, "Last One Wins".
"""

from mcpmesh.wire.hpack_table import Headers

#: In the head of a request: the tool it is for, and of an answer: the tool that gave it.
NAME = b"mcp-name"
SPOKE = b"mcpmesh-tool"
_TOOL_TAG = b"\x0a"
_ONE_BYTE = 0x80


def renamed_message(message: bytes, tool: str) -> bytes:
    """Return an InvokeRequest that asks for another tool.

    Shape: `tool` has at most 128 characters, as names of tools have.
    """
    name = tool.encode()
    size = len(name)
    length = bytes((size,)) if size < _ONE_BYTE else bytes((size & 0x7F | 0x80, size >> 7))
    return b"".join((message, _TOOL_TAG, length, name))


def renamed_head(forward: Headers, tool: str) -> Headers:
    """Return a request's fields with the tool that they name, if they do, replaced."""
    return tuple((name, tool.encode() if name == NAME else value) for name, value in forward)
