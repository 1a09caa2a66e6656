"""Prompts and resources as entries of MCP's lists, and what they answer as MCP's results."""

from base64 import b64encode
from typing import Any, Literal

import orjson

from mcpmesh.codec.mcp_content import block_json
from mcpmesh.model.tool import PROMPT
from mcpmesh.v1 import tool_pb2

#: The lists, by the member of the result that holds the entries.
Listed = Literal["tools", "prompts", "resources", "resourceTemplates"]
LISTED: tuple[Listed, ...] = ("tools", "prompts", "resources", "resourceTemplates")


def listed_in(tool: tool_pb2.Tool) -> Listed:
    """Return the list that an entry of the catalog belongs to."""
    kind = tool.WhichOneof("kind")
    if kind is None:
        return "tools"
    if kind == "prompt":
        return "prompts"
    return "resourceTemplates" if tool.resource.template else "resources"


def prompt_json(tool: tool_pb2.Tool) -> bytes:
    """Write a prompt's entry."""
    entry = _entry(tool, tool.name.removeprefix(PROMPT))
    if tool.prompt.arguments:
        entry["arguments"] = [
            {
                "name": argument.name,
                **({"title": argument.title} if argument.title else {}),
                **({"description": argument.description} if argument.description else {}),
                "required": argument.required,
            }
            for argument in tool.prompt.arguments
        ]
    return orjson.dumps(entry)


def resource_json(tool: tool_pb2.Tool) -> bytes:
    """Write a resource's entry."""
    return orjson.dumps({"uri": tool.resource.uri, **_resource(tool)})


def template_json(tool: tool_pb2.Tool) -> bytes:
    """Write the entry of a template of resources."""
    return orjson.dumps({"uriTemplate": tool.resource.uri, **_resource(tool)})


def _resource(tool: tool_pb2.Tool) -> dict[str, Any]:
    resource = tool.resource
    entry = _entry(tool, resource.name)
    if resource.mime_type:
        entry["mimeType"] = resource.mime_type
    if resource.HasField("size") and not resource.template:
        entry["size"] = resource.size
    annotations: dict[str, Any] = {}
    if resource.audience:
        annotations["audience"] = list(resource.audience)
    if resource.HasField("priority"):
        annotations["priority"] = resource.priority
    if annotations:
        entry["annotations"] = annotations
    return entry


def _entry(tool: tool_pb2.Tool, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name}
    if tool.title:
        entry["title"] = tool.title
    if tool.description:
        entry["description"] = tool.description
    if tool.labels:
        entry["_meta"] = {"mcpmesh/labels": dict(sorted(tool.labels.items()))}
    return entry


def messages_json(result: tool_pb2.ToolResult, version: str) -> list[dict[str, Any]]:
    """Write the messages of a prompt."""
    return [
        {
            "role": "assistant" if block.role == "assistant" else "user",
            "content": block_json(block, version),
        }
        for block in result.content
    ]


def contents_json(result: tool_pb2.ToolResult, uri: str, mime_type: str) -> list[dict[str, Any]]:
    """Write the contents of a resource; what says no URI has the one that was asked for.

    `mime_type` is for contents that say none.
    """
    return [_contents(block, uri, mime_type) for block in result.content]


def _contents(block: tool_pb2.Content, uri: str, mime_type: str) -> dict[str, Any]:
    if block.WhichOneof("block") != "resource":
        text = block.text.text
        return {"uri": uri, "mimeType": mime_type or "text/plain", "text": text}
    resource = block.resource
    told: dict[str, Any] = {"uri": resource.uri or uri}
    if resource.WhichOneof("contents") == "blob":
        told["mimeType"] = resource.mime_type or mime_type or "application/octet-stream"
        told["blob"] = b64encode(resource.blob).decode()
    else:
        told["mimeType"] = resource.mime_type or mime_type or "text/plain"
        told["text"] = resource.text
    return told


def said(result: tool_pb2.ToolResult) -> str:
    """Return the sentence in which a failed call says why."""
    return " ".join(block.text.text for block in result.content if block.HasField("text"))
