"""MCP's JSON, as servers write it → the mesh's messages: content, results, prompts, contents.

The other direction is in mcp_content, mcp_result and mcp_entry.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mcpmesh.v1 import tool_pb2

Json = Mapping[str, Any]
Rename = Callable[[str], str]
#: Members of `_meta` that concern one hop only.
_OF_THE_HOP = "io.modelcontextprotocol/"


def tool_result(result: Json, rename: Rename) -> tool_pb2.ToolResult:
    """Read the result of tools/call; `rename` gives URIs the form that the mesh knows them by.

    Raises: ValueError for what is no such result.
    """
    message = tool_pb2.ToolResult(
        content=[_block(each, rename) for each in _list(result, "content")],
        is_error=bool(result.get("isError")),
        meta=_meta(result),
    )
    if result.get("structuredContent") is not None:
        message.structured_content = _json(result["structuredContent"])
    if message.is_error:
        message.error.code = "TOOL_ERROR"
    return message


def prompt_result(result: Json, rename: Rename) -> tool_pb2.ToolResult:
    """Read the result of prompts/get. Raises: ValueError."""
    content = []
    for each in _list(result, "messages"):
        block = _block(_object(each).get("content"), rename)
        block.role = str(each.get("role", "user"))
        content.append(block)
    return tool_pb2.ToolResult(content=content, meta=_meta(result))


def contents_result(result: Json, rename: Rename) -> tool_pb2.ToolResult:
    """Read the result of resources/read. Raises: ValueError."""
    contents = [_contents(_object(each), rename) for each in _list(result, "contents")]
    return tool_pb2.ToolResult(
        content=[tool_pb2.Content(resource=each) for each in contents], meta=_meta(result)
    )


def _block(value: object, rename: Rename) -> tool_pb2.Content:
    block = _object(value)
    kind = block.get("type")
    message = tool_pb2.Content()
    if kind == "text":
        message.text.text = _text(block, "text")
    elif kind == "image":
        message.image.data = b64decode(_text(block, "data"))
        message.image.mime_type = _text(block, "mimeType")
    elif kind == "audio":
        message.audio.data = b64decode(_text(block, "data"))
        message.audio.mime_type = _text(block, "mimeType")
    elif kind == "resource_link":
        _link(block, message.resource_link, rename)
    elif kind == "resource":
        message.resource.CopyFrom(_contents(_object(block.get("resource")), rename))
    else:
        # A kind that came after this was written: a model reads it as it stands.
        message.text.text = _json(block).decode()
    _annotate(message, block.get("annotations"))
    return message


def _link(block: Json, link: tool_pb2.ResourceLink, rename: Rename) -> None:
    link.uri = rename(_text(block, "uri"))
    link.name = _text(block, "name")
    link.title = _text(block, "title")
    link.description = _text(block, "description")
    link.mime_type = _text(block, "mimeType")
    if type(block.get("size")) is int:
        link.size = block["size"]


def _contents(told: Json, rename: Rename) -> tool_pb2.EmbeddedResource:
    resource = tool_pb2.EmbeddedResource(
        uri=rename(_text(told, "uri")), mime_type=_text(told, "mimeType")
    )
    if "blob" in told:
        resource.blob = b64decode(_text(told, "blob"))
    else:
        resource.text = _text(told, "text")
    return resource


def _annotate(message: tool_pb2.Content, annotations: object) -> None:
    if not isinstance(annotations, dict):
        return
    audience = annotations.get("audience")
    if isinstance(audience, list):
        message.annotations.audience.extend(str(each) for each in audience)
    priority = annotations.get("priority")
    if isinstance(priority, int | float) and 0 <= priority <= 1:
        message.annotations.priority = priority


def _meta(result: Json) -> bytes:
    meta = result.get("_meta")
    if not isinstance(meta, dict):
        return b""
    kept = {key: value for key, value in meta.items() if not key.startswith(_OF_THE_HOP)}
    return _json(kept) if kept else b""


def _json(value: object) -> bytes:
    """Write JSON. Raises: ValueError for numbers that it cannot have, or what nests too deep."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _list(result: Json, member: str) -> list[Any]:
    value = result.get(member, [])
    if not isinstance(value, list):
        raise ValueError(f"{member} is no array")
    return value


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a content block is no object")
    return value


def _text(told: Json, member: str) -> str:
    value = told.get(member)
    return value if isinstance(value, str) else ""
