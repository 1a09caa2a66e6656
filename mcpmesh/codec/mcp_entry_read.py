"""Entries of MCP's lists, as servers write them → tools, prompts and resources of the mesh."""

from collections.abc import Mapping
from typing import Any

import orjson

from mcpmesh.errors import InvalidCall
from mcpmesh.model.prompt import Prompt, PromptArgument
from mcpmesh.model.resource import Resource
from mcpmesh.model.tool import PROMPT, RESOURCE, Tool, ToolAnnotations

Json = Mapping[str, Any]
#: Of what 64 bits hold.
_END_OF_SIZES = 2**63


def read_tool(entry: Json, name: str, labels: Mapping[str, str]) -> Tool:
    """Read an entry of tools/list. Raises: InvalidCall for what the mesh refuses."""
    hints = _object(entry.get("annotations"))
    schema = _object(entry.get("inputSchema"))
    output = entry.get("outputSchema")
    return Tool(
        name,
        _text(entry, "description"),
        input_schema=_json(name, schema) if schema else b"",
        output_schema=_json(name, output) if isinstance(output, dict) else b"",
        title=_text(entry, "title") or _text(hints, "title"),
        annotations=ToolAnnotations(
            _flag(hints, "readOnlyHint"),
            _flag(hints, "destructiveHint"),
            _flag(hints, "idempotentHint"),
            _flag(hints, "openWorldHint"),
        ),
        labels=labels,
    )


def read_prompt(entry: Json, name: str, labels: Mapping[str, str]) -> Tool:
    """Read an entry of prompts/list. Raises: InvalidCall."""
    arguments = entry.get("arguments") or ()
    prompt = Prompt(
        tuple(
            PromptArgument(
                _text(each, "name"),
                _text(each, "title"),
                _text(each, "description"),
                each.get("required") is True,
            )
            for each in map(_object, arguments)
        )
    )
    return _read_only(entry, PROMPT + name, prompt, labels)


def read_resource(entry: Json, uri: str, name: str, labels: Mapping[str, str]) -> Tool:
    """Read an entry of resources/list, or of resources/templates/list. Raises: InvalidCall."""
    notes = _object(entry.get("annotations"))
    audience, priority, size = notes.get("audience"), notes.get("priority"), entry.get("size")
    resource = Resource(
        uri,
        name or uri,
        "uriTemplate" in entry,
        _text(entry, "mimeType"),
        size if type(size) is int and 0 <= size < _END_OF_SIZES else None,
        tuple(map(str, audience)) if isinstance(audience, list) else (),
        float(priority) if isinstance(priority, int | float) and 0 <= priority <= 1 else None,
    )
    return _read_only(entry, RESOURCE + uri, resource, labels)


def _read_only(entry: Json, name: str, kind: Prompt | Resource, labels: Mapping[str, str]) -> Tool:
    """Return what is only looked at, so that a lost attempt may be made again."""
    return Tool(
        name,
        _text(entry, "description"),
        title=_text(entry, "title"),
        annotations=ToolAnnotations(read_only=True, idempotent=True),
        labels=labels,
        kind=kind,
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _json(name: str, schema: object) -> bytes:
    try:
        return orjson.dumps(schema)
    except TypeError as error:
        raise InvalidCall(f"{name}: a schema of it cannot be written: {error}") from error


def _text(entry: Json, member: str) -> str:
    value = entry.get(member)
    return value if isinstance(value, str) else ""


def _flag(hints: Json, member: str) -> bool | None:
    value = hints.get(member)
    return value if isinstance(value, bool) else None
