"""MCP's entries, content and results in its protobuf form.

Source: mcp-grpc-transport-proto on PyPI (`model_context_protocol.Mcp`), an extra of ours: this
module is imported only where that package is.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.json_format import ParseError as NotAStruct
from google.protobuf.struct_pb2 import Struct
from mcp_grpc_transport_proto import mcp_messages_pb2 as mcp_pb2

from mcpmesh.errors import RemoteProtocolError
from mcpmesh.model.tool import PROMPT
from mcpmesh.v1 import prompt_pb2, tool_pb2

_ROLES = {"user": mcp_pb2.ROLE_USER, "assistant": mcp_pb2.ROLE_ASSISTANT}
_LARGEST_WHOLE = 2**53


def struct_of(value: Mapping[str, Any], what: str) -> Struct:
    """Write a JSON object.

    Raises: RemoteProtocolError for one that a Struct cannot hold.
    """
    try:
        return ParseDict(dict(value), Struct())
    except (NotAStruct, ValueError, RecursionError) as exc:
        raise RemoteProtocolError(f"{what} does not fit a google.protobuf.Struct") from exc


def json_of(struct: Struct) -> dict[str, Any]:
    """Read a JSON object; its whole numbers are integers, as a Struct has only doubles."""
    whole: dict[str, Any] = _with_integers(MessageToDict(struct))
    return whole


def _with_integers(value: Any) -> Any:
    if isinstance(value, float):
        whole = isfinite(value) and value.is_integer() and abs(value) <= _LARGEST_WHOLE
        return int(value) if whole else value
    if isinstance(value, dict):
        return {key: _with_integers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in value]
    return value


def tool_to(tool: tool_pb2.Tool) -> mcp_pb2.Tool:
    """Write a tool's entry; a schema that cannot be written is left out."""
    entry = mcp_pb2.Tool(name=tool.name, title=tool.title, description=tool.description)
    schema = _object(tool.input_schema) or {}
    entry.input_schema.CopyFrom(struct_of({**schema, "type": "object"}, tool.name))
    output = _object(tool.output_schema)
    if output is not None:
        entry.output_schema.CopyFrom(struct_of(output, tool.name))
    hints = tool.annotations
    for field, _ in hints.ListFields():
        setattr(entry.annotations, field.name, getattr(hints, field.name))
    _add_labels(entry, tool)
    return entry


def prompt_to(tool: tool_pb2.Tool) -> mcp_pb2.Prompt:
    """Write a prompt's entry."""
    entry = mcp_pb2.Prompt(
        name=tool.name.removeprefix(PROMPT),
        title=tool.title,
        description=tool.description,
        arguments=[_argument(each) for each in tool.prompt.arguments],
    )
    _add_labels(entry, tool)
    return entry


def _argument(argument: prompt_pb2.PromptArgument) -> mcp_pb2.Prompt.Argument:
    return mcp_pb2.Prompt.Argument(
        name=argument.name,
        title=argument.title,
        description=argument.description,
        required=argument.required,
    )


def resource_to(tool: tool_pb2.Tool) -> mcp_pb2.Resource:
    """Write a resource's entry."""
    entry = mcp_pb2.Resource(uri=tool.resource.uri, size=max(0, tool.resource.size))
    _describe(entry, tool)
    return entry


def template_to(tool: tool_pb2.Tool) -> mcp_pb2.ResourceTemplate:
    """Write the entry of a template of resources."""
    entry = mcp_pb2.ResourceTemplate(uri_template=tool.resource.uri)
    _describe(entry, tool)
    return entry


def _describe(entry: Any, tool: tool_pb2.Tool) -> None:
    resource = tool.resource
    entry.name, entry.title = resource.name, tool.title
    entry.description, entry.mime_type = tool.description, resource.mime_type
    if resource.audience or resource.HasField("priority"):
        entry.annotations.audience.extend(_ROLES[each] for each in resource.audience)
        entry.annotations.priority = resource.priority
    _add_labels(entry, tool)


def _add_labels(entry: Any, tool: tool_pb2.Tool) -> None:
    if tool.labels:
        entry.metadata.update({"mcpmesh/labels": dict(tool.labels)})


def content_to(block: tool_pb2.Content) -> mcp_pb2.CallToolResponse.Content:
    """Write a block of what a tool says."""
    content = mcp_pb2.CallToolResponse.Content()
    _add_block(content, block)
    return content


def message_to(block: tool_pb2.Content) -> mcp_pb2.PromptMessage:
    """Write a message of a prompt."""
    message = mcp_pb2.PromptMessage(role=_ROLES.get(block.role, mcp_pb2.ROLE_USER))
    _add_block(message, block)
    return message


def _add_block(into: Any, block: tool_pb2.Content) -> None:
    kind = block.WhichOneof("block")
    if kind in ("image", "audio"):
        media = getattr(block, kind)
        to = getattr(into, kind)
        to.data, to.mime_type = media.data, media.mime_type
    elif kind == "resource_link":
        link = block.resource_link
        into.resource_link.uri, into.resource_link.name = link.uri, link.name or link.uri
        into.resource_link.title, into.resource_link.description = link.title, link.description
        into.resource_link.mime_type, into.resource_link.size = link.mime_type, max(0, link.size)
        to = into.resource_link
    elif kind == "resource":
        to = into.embedded_resource
        to.contents.CopyFrom(contents_to(block, block.resource.uri, ""))
    else:
        into.text.text = block.text.text
        to = into.text
    if block.HasField("annotations"):
        said = block.annotations
        to.annotations.audience.extend(_ROLES[each] for each in said.audience if each in _ROLES)
        to.annotations.priority = said.priority


def contents_to(block: tool_pb2.Content, uri: str, mime_type: str) -> mcp_pb2.ResourceContents:
    """Write the contents of a resource; `uri` and `mime_type` are for contents without."""
    if block.WhichOneof("block") != "resource":
        return mcp_pb2.ResourceContents(
            uri=uri, mime_type=mime_type or "text/plain", text=block.text.text
        )
    resource = block.resource
    if resource.WhichOneof("contents") == "blob":
        kind = resource.mime_type or mime_type or "application/octet-stream"
        return mcp_pb2.ResourceContents(uri=resource.uri or uri, mime_type=kind, blob=resource.blob)
    kind = resource.mime_type or mime_type or "text/plain"
    return mcp_pb2.ResourceContents(uri=resource.uri or uri, mime_type=kind, text=resource.text)


def call_result_to(result: tool_pb2.ToolResult, tool: str) -> mcp_pb2.CallToolResponse:
    """Write a tool's result.

    Raises: RemoteProtocolError for structured content that is no JSON.
    """
    told = mcp_pb2.CallToolResponse(
        content=[content_to(block) for block in result.content], is_error=result.is_error
    )
    told.content.extend(_note(alert) for alert in result.alerts)
    if result.structured_content:
        value = _parsed(result.structured_content, tool)
        if isinstance(value, dict):
            told.structured_content.CopyFrom(struct_of(value, f"{tool}: the result"))
        if not told.content:
            told.content.add().text.text = result.structured_content.decode()
    meta = _object(result.meta) or {}
    if result.HasField("error"):
        error = result.error
        meta["mcpmesh/error"] = {
            "code": error.code or "TOOL_ERROR",
            "retryable": error.retryable,
            "retry_after_ms": error.retry_after_ms,
        }
    if meta:
        told.common.metadata.CopyFrom(struct_of(meta, f"{tool}: _meta"))
    return told


def _note(alert: str) -> mcp_pb2.CallToolResponse.Content:
    return mcp_pb2.CallToolResponse.Content(text=mcp_pb2.TextContent(text=f"Note: {alert}"))


def said(content: Sequence[tool_pb2.Content]) -> str:
    """Return the sentence in which a failed call says why."""
    return " ".join(block.text.text for block in content if block.HasField("text"))


def _parsed(raw: bytes, tool: str) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError as exc:
        raise RemoteProtocolError(f"{tool}: the structured content is no JSON") from exc


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(raw) if raw else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
