"""A request of one tool as a request of another, without opening more than its first field.

The name is put behind the message: of a field that stands twice the last counts, so arguments of
any size are neither read nor copied field by field.
Source: Protocol Buffers encoding, "Last One Wins".
"""

from mcpmesh.wire.hpack_table import Headers

#: In the head of a request: the tool it is for, and of an answer: the tool that gave it.
NAME = b"mcp-name"
SPOKE = b"mcpmesh-tool"
#: The same for the version, which an answer tells when a version was not left open.
VERSION = b"mcpmesh-tool-version"
_TOOL_TAG = b"\x0a"
_VERSION_TAG = b"\x1a"
_ONE_BYTE = 0x80


def renamed_message(message: bytes, tool: str, version: str | None = None) -> bytes:
    """Return an InvokeRequest that asks for another tool, and its version: empty for any.

    Without a version, the one that was asked for stays.

    Shape: both have at most 128 characters, as names of tools have.
    """
    named = (message, *_text_field(_TOOL_TAG, tool))
    return b"".join(named if version is None else (*named, *_text_field(_VERSION_TAG, version)))


def _text_field(tag: bytes, text: str) -> tuple[bytes, bytes, bytes]:
    written = text.encode()
    size = len(written)
    length = bytes((size,)) if size < _ONE_BYTE else bytes((size & 0x7F | 0x80, size >> 7))
    return tag, length, written


def renamed_head(forward: Headers, tool: str, version: str | None = None) -> Headers:
    """Return a request's fields with the tool that they name, if they do, replaced.

    So is a version that they name, if there is one instead; an empty one, for any, is left out.
    """
    new = {NAME: tool.encode(), **({VERSION: version.encode()} if version else {})}
    gone = VERSION if version == "" else b""
    return tuple((name, new.get(name, value)) for name, value in forward if name != gone)
