"""Content blocks of a tool as MCP's JSON, in the form that a revision knows."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

from mcpmesh.v1 import tool_pb2

Block = dict[str, Any]


def blocks_json(content: Sequence[tool_pb2.Content], version: str) -> list[Block]:
    """Write content blocks; a kind that the client's revision lacks becomes text."""
    return [block_json(block, version) for block in content]


def block_json(message: tool_pb2.Content, version: str) -> Block:
    """Write one content block."""
    kind = message.WhichOneof("block")
    if kind == "text":  # nearly all blocks are text: no call, no table
        block: Block = {"type": "text", "text": message.text.text}
    elif kind is None:
        block = text_block("")
    elif version < _SINCE.get(kind, ""):
        block = text_block(_IN_WORDS[kind](message))
    else:
        block = _WRITERS[kind](message)
    if message.HasField("annotations"):
        block["annotations"] = _annotations(message.annotations)
    return block


def text_block(text: str) -> Block:
    """Write a text block."""
    return {"type": "text", "text": text}


def _image(message: tool_pb2.Content) -> Block:
    return _media("image", message.image.data, message.image.mime_type or "image/png")


def _audio(message: tool_pb2.Content) -> Block:
    return _media("audio", message.audio.data, message.audio.mime_type or "audio/wav")


def _media(kind: str, raw: bytes, mime_type: str) -> Block:
    return {"type": kind, "data": b64encode(raw).decode(), "mimeType": mime_type}


def _resource_link(message: tool_pb2.Content) -> Block:
    link = message.resource_link
    block: Block = {"type": "resource_link", "uri": link.uri, "name": link.name or link.uri}
    if link.title:
        block["title"] = link.title
    if link.description:
        block["description"] = link.description
    if link.mime_type:
        block["mimeType"] = link.mime_type
    if link.HasField("size"):
        block["size"] = link.size
    return block


def _resource(message: tool_pb2.Content) -> Block:
    resource = message.resource
    if resource.WhichOneof("contents") == "blob":
        contents = {"blob": b64encode(resource.blob).decode()}
        mime_type = resource.mime_type or "application/octet-stream"
    else:
        contents = {"text": resource.text}
        mime_type = resource.mime_type or "text/plain"
    return {
        "type": "resource",
        "resource": {"uri": resource.uri, "mimeType": mime_type, **contents},
    }


def _annotations(message: tool_pb2.ContentAnnotations) -> dict[str, Any]:
    annotations: dict[str, Any] = {}
    if message.audience:
        annotations["audience"] = list(message.audience)
    if message.HasField("priority"):
        annotations["priority"] = message.priority
    return annotations


def _audio_in_words(message: tool_pb2.Content) -> str:
    return f"[{message.audio.mime_type or 'audio'}, {len(message.audio.data)} bytes]"


def _link_in_words(message: tool_pb2.Content) -> str:
    link = message.resource_link
    parts = (link.title or link.name, link.description, link.uri)
    return ": ".join(part for part in parts if part)


_WRITERS: dict[str, Callable[[tool_pb2.Content], Block]] = {
    "image": _image,
    "audio": _audio,
    "resource_link": _resource_link,
    "resource": _resource,
}
#: Kinds of block that came after the first revision, and what older clients read instead.
_SINCE = {"audio": "2025-03-26", "resource_link": "2025-06-18"}
_IN_WORDS: dict[str, Callable[[tool_pb2.Content], str]] = {
    "audio": _audio_in_words,
    "resource_link": _link_in_words,
}
