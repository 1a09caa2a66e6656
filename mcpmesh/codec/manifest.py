"""A tool as its manifest: what programs that speak plain HTTP read of it."""

from typing import Any
from urllib.parse import quote

from mcpmesh.codec.mcp_tool import annotations_of, input_schema_of, schema_of
from mcpmesh.codec.tool import seconds
from mcpmesh.v1 import tool_pb2

#: Where a tool is found over plain HTTP.
TOOL_PATH = "/mcp/tool/"


def invoke_path(name: str) -> str:
    """Return the path that calls a tool."""
    return f"{TOOL_PATH}{quote(name)}/invoke"


def manifest_json(tool: tool_pb2.Tool) -> dict[str, Any]:
    """Write a tool's manifest; what it does not say is left out.

    Units: `timeout` in seconds.
    """
    manifest: dict[str, Any] = {"name": tool.name, "version": tool.version}
    if tool.title:
        manifest["title"] = tool.title
    if tool.description:
        manifest["description"] = tool.description
    manifest["inputSchema"] = input_schema_of(tool.input_schema)
    if (output_schema := schema_of(tool.output_schema)) is not None:
        manifest["outputSchema"] = output_schema
    if annotations := annotations_of(tool.annotations):
        manifest["annotations"] = annotations
    if tool.labels:
        manifest["labels"] = dict(sorted(tool.labels.items()))
    if tool.capability:
        manifest["capability"] = tool.capability
    if tool.HasField("timeout"):
        manifest["timeout"] = seconds(tool.timeout)
    manifest["invoke"] = invoke_path(tool.name)
    return manifest
