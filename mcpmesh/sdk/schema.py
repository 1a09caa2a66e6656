"""JSON Schemas of Python types, kept lean: models pay for every word of them."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaWarningKind


class LeanSchema(GenerateJsonSchema):
    """Pydantic's schema without titles that only repeat a name, and without warnings."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 (pydantic's own form)
        "skipped-choice",
        "non-serializable-default",
    }

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out the title that pydantic makes from a field's name."""
        return False


def json_schema(adapter: TypeAdapter[Any], mode: JsonSchemaMode) -> dict[str, Any]:
    """Return the type's schema; its own title and that of its definitions are left out."""
    schema = adapter.json_schema(mode=mode, by_alias=True, schema_generator=LeanSchema)
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("title", None)
    return schema


def is_object(schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema allows objects only, following a reference at its root."""
    reference = schema.get("$ref", "")
    if reference.startswith("#/$defs/"):
        return is_object(schema["$defs"][reference.removeprefix("#/$defs/")])
    return schema.get("type") == "object"


def schema_bytes(schema: Mapping[str, Any]) -> bytes:
    """Write an object schema; one that starts with a reference says its type too, as MCP asks."""
    return orjson.dumps({"type": "object", **schema}, option=orjson.OPT_NON_STR_KEYS)


def summary(schema: Mapping[str, Any]) -> str:
    """Say in one line which arguments a schema takes: `city: string, days: integer = 3`."""
    required = set(schema.get("required", ()))
    properties: Mapping[str, Any] = schema.get("properties", {})
    parts = []
    for name, part in properties.items():
        text = f"{name}: {_type_of(part)}"
        if isinstance(part, Mapping) and "default" in part:
            text += f" = {orjson.dumps(part['default']).decode()}"
        elif name not in required:
            text += " (optional)"
        parts.append(text)
    return ", ".join(parts) or "none"


def _type_of(part: Any) -> str:
    if not isinstance(part, Mapping):
        # A schema may be true, too, or false.
        return "any"
    if "enum" in part:
        return "one of " + ", ".join(orjson.dumps(value).decode() for value in part["enum"])
    if "const" in part:
        return orjson.dumps(part["const"]).decode()
    if "anyOf" in part:
        return " or ".join(_type_of(choice) for choice in part["anyOf"])
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    kind = part.get("type", "any")
    if kind == "array" and part.get("items"):
        return f"array of {_type_of(part['items'])}"
    return f"{kind} ({part['format']})" if "format" in part else str(kind)
