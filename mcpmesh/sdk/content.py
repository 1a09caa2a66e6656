"""What a tool's code says → content blocks that a model reads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import Message
from pydantic_core import to_json

from mcpmesh.v1 import tool_pb2


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as a tool's result: its encoded bytes, and their type such as image/png."""

    data: bytes
    mime_type: str = "image/png"

    def __repr__(self) -> str:
        return f"Image({len(self.data)} bytes, {self.mime_type})"


#: The field of Content that holds each kind of block.
_BLOCKS: dict[type[Message], str] = {
    tool_pb2.TextContent: "text",
    tool_pb2.ImageContent: "image",
    tool_pb2.AudioContent: "audio",
    tool_pb2.ResourceLink: "resource_link",
    tool_pb2.EmbeddedResource: "resource",
}

#: Types that are content as they stand, so that no structured result is made of them.
CONTENT_TYPES: tuple[type, ...] = (
    tool_pb2.ToolResult,
    tool_pb2.Content,
    Image,
    bytes,
    bytearray,
    memoryview,
    *_BLOCKS,
)


def text_block(text: str) -> tool_pb2.Content:
    """Return a block of text."""
    return tool_pb2.Content(text=tool_pb2.TextContent(text=text))


def json_bytes(value: object) -> bytes:
    """Write any value of plain types, models and dataclasses as UTF-8 JSON.

    Raises: ValueError for a value that JSON has no form for.
    """
    return to_json(value, by_alias=True, inf_nan_mode="null")


def is_content(value: object) -> bool:
    """Tell whether a value is content as it stands, or a list that has some in it."""
    if isinstance(value, list | tuple):
        return any(isinstance(item, CONTENT_TYPES) for item in value)
    return isinstance(value, CONTENT_TYPES)


def blocks(value: object) -> list[tool_pb2.Content]:
    """Return the blocks that stand for a value: none for None, one for each content in a list.

    Raises: ValueError for a value that is no content and that JSON has no form for.
    """
    if value is None:
        return []
    if isinstance(value, list | tuple) and is_content(value):
        return [block for item in value for block in blocks(item)]
    return [_block(value)]


def _block(value: object) -> tool_pb2.Content:
    if isinstance(value, str):
        return text_block(value)
    if isinstance(value, tool_pb2.Content):
        return value
    if isinstance(value, Image):
        picture = tool_pb2.ImageContent(data=value.data, mime_type=value.mime_type)
        return tool_pb2.Content(image=picture)
    if isinstance(value, bytes | bytearray | memoryview):
        return tool_pb2.Content(resource=_blob(bytes(value)))
    if isinstance(value, Message) and type(value) in _BLOCKS:
        content = tool_pb2.Content()
        getattr(content, _BLOCKS[type(value)]).CopyFrom(value)
        return content
    return text_block(json_bytes(value).decode())


def _blob(data: bytes) -> tool_pb2.EmbeddedResource:
    """Return raw bytes as a resource: MCP has no other block for them."""
    return tool_pb2.EmbeddedResource(
        uri=f"mcpmesh:bytes/{hashlib.sha256(data).hexdigest()[:20]}",
        mime_type="application/octet-stream",
        blob=data,
    )


def size_of(content: Sequence[tool_pb2.Content]) -> int:
    """Return the bytes that blocks take on the wire."""
    return sum(block.ByteSize() for block in content)
