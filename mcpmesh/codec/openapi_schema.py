"""JSON Schemas of tools as components of an OpenAPI document.

A schema's references to itself ("#/$defs/Point") would lead to the document's root once it is a
part of one, so each is written anew with the place of the schema in front. Nothing is fetched.

Source: OpenAPI 3.1, section 4.8.24; JSON Schema 2020-12, sections 8.2 and 8.2.3.1.
"""

from collections.abc import Mapping
from typing import Any

#: Keywords whose value is one schema, a list of them, or an object of them.
_SCHEMA = frozenset({
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
    "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties", "additionalItems",
})  # fmt: skip
_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_NAMED_SCHEMAS = frozenset({
    "$defs", "definitions", "dependentSchemas", "patternProperties", "properties",
})  # fmt: skip
_REFERENCES = ("$ref", "$dynamicRef")


def embedded_schema(schema: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return a schema for a place in a document, such as "#/components/schemas/add.input"."""
    own = schema.get("$id")
    root = {key: value for key, value in schema.items() if key not in ("$id", "$schema")}
    moved: dict[str, Any] = _moved(root, place, own.rstrip("#") if type(own) is str else "")
    return moved


def _moved(schema: Any, place: str, own: str) -> Any:
    if type(schema) is not dict:
        return schema  # true and false are schemas
    if "$id" in schema:
        return schema  # its references are to itself, wherever it stands
    moved: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _REFERENCES and type(value) is str:
            moved[key] = _reference(value, place, own)
        elif key in _NAMED_SCHEMAS and type(value) is dict:
            moved[key] = {name: _moved(part, place, own) for name, part in value.items()}
        elif key in _SCHEMAS and type(value) is list:
            moved[key] = [_moved(part, place, own) for part in value]
        elif key in _SCHEMA:
            moved[key] = _moved(value, place, own)
        else:
            moved[key] = value
    return moved


def _reference(value: str, place: str, own: str) -> str:
    if own and value.startswith(own):
        value = value[len(own) :] or "#"
    if value == "#" or value.startswith("#/"):
        return place + value[1:]
    return value
