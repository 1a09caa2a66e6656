"""A tool as an entry of MCP's tools/list."""

from typing import Any

import orjson

from mcpmesh.codec.shortened import schema_shortened, shortened
from mcpmesh.v1 import tool_pb2

_ANY_OBJECT: dict[str, Any] = {"type": "object"}
_HINTS = {
    "read_only_hint": "readOnlyHint",
    "destructive_hint": "destructiveHint",
    "idempotent_hint": "idempotentHint",
    "open_world_hint": "openWorldHint",
}


def tool_json(tool: tool_pb2.Tool, *, modern: bool, description_tokens: int = 0) -> bytes:
    """Write a tool's entry; each description in it has so many tokens at most, 0 for no limit.

    Before 2026-07-28 an output schema had to describe an object, so others are left out there.
    """
    entry: dict[str, Any] = {"name": tool.name}
    if tool.title:
        entry["title"] = tool.title
    if tool.description:
        entry["description"] = shortened(tool.description, description_tokens)
    schema = input_schema_of(tool.input_schema)
    entry["inputSchema"] = schema_shortened(schema, description_tokens)
    output_schema = schema_of(tool.output_schema)
    if output_schema is not None and (modern or output_schema.get("type") == "object"):
        entry["outputSchema"] = schema_shortened(output_schema, description_tokens)
    if annotations := annotations_of(tool.annotations):
        entry["annotations"] = annotations
    if tool.labels:
        entry["_meta"] = {"mcpmesh/labels": dict(sorted(tool.labels.items()))}
    return orjson.dumps(entry)


def input_schema_of(raw: bytes) -> dict[str, Any]:
    """Return the schema of a tool's arguments, as MCP wants it."""
    schema = schema_of(raw)
    if schema is None:
        return _ANY_OBJECT
    if schema.get("type") != "object":  # MCP demands the word, JSON Schema does not
        return {**schema, "type": "object"}
    return schema


def schema_of(raw: bytes) -> dict[str, Any] | None:
    """Read a schema; one that no client could read is left out, so that the list stays usable."""
    if not raw:
        return None
    try:
        schema = orjson.loads(raw)
        orjson.dumps(schema)  # refuses nesting that could not be written again
    except (ValueError, TypeError):
        return None
    return schema if isinstance(schema, dict) else None


def annotations_of(message: tool_pb2.ToolAnnotations) -> dict[str, bool]:
    """Return the hints that a tool gives, by MCP's names."""
    return {
        theirs: getattr(message, ours) for ours, theirs in _HINTS.items() if message.HasField(ours)
    }
