"""The schemas of an OpenAPI document as JSON Schemas that stand alone.

3.0 has a dialect of its own (nullable, exclusiveMinimum as a flag); references become $defs; what
serves readers of documents (examples, XML names, extensions) is left out: models pay for it.
"""

import re
from collections import deque
from collections.abc import Callable
from typing import Any

from mcpmesh.adopt.openapi_document import Document, Place
from mcpmesh.adopt.way import Way
from mcpmesh.errors import InvalidCall

Schema = dict[str, Any]
_ONE = ("additionalProperties", "items", "not", "if", "then", "else", "contains", "propertyNames",
        "unevaluatedItems", "unevaluatedProperties", "contentSchema")  # fmt: skip
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "patternProperties", "dependentSchemas")
_KEPT = frozenset((
    "type", "enum", "const", "format", "title", "description", "default", "required", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
    "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "minContains", "maxContains", "dependentRequired", "contentEncoding", "contentMediaType",
    "deprecated",
))  # fmt: skip
_TYPES = frozenset(("null", "boolean", "object", "array", "number", "string", "integer"))
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_DEPTH = 60
_MAX_DEFINITIONS = 2000


class SchemaWriter:
    """Writes the schemas of one tool's arguments, or of its result; they share `definitions`."""

    def __init__(self, document: Document, way: Way) -> None:
        self._is_3_0 = document.is_3_0
        self._way = way
        # By identity: what two references lead to is one value of the document.
        self._names: dict[int, str] = {}
        self._waiting: deque[tuple[str, Place]] = deque()
        self.definitions: dict[str, Any] = {}

    def write(self, place: Place) -> Schema:
        """Return a schema; it refers to `definitions`.

        Raises: InvalidCall for what is no schema, or a reference that leads nowhere.
        """
        schema = self._schema(place, 0)
        while self._waiting:
            name, found = self._waiting.popleft()
            self.definitions[name] = self._schema(found, 0)
        return schema if isinstance(schema, dict) else ({} if schema else {"not": {}})

    def _schema(self, place: Place, depth: int) -> Any:
        value = place.value
        if isinstance(value, bool):
            return value
        if not isinstance(value, dict):
            raise InvalidCall(f"a schema is {value!r:.60}, and no object")
        if depth > _MAX_DEPTH:
            raise InvalidCall("a schema is nested too deep")
        reference = place.reference
        if reference is not None:
            named: Schema = {"$ref": f"#/$defs/{self._name(place, reference)}"}
            # In 3.0 what stands beside a reference does not count.
            beside = {} if self._is_3_0 else {k: v for k, v in value.items() if k != "$ref"}
            rest = self._parts(place.of(beside), depth)
            return {**rest, **named} if rest else named
        schema = self._parts(place, depth)
        return self._of_3_0(schema, value) if self._is_3_0 else schema

    def _parts(self, place: Place, depth: int) -> Schema:
        value = place.value
        schema: Schema = {key: each for key, each in value.items() if key in _KEPT}
        for key in _ONE:
            if isinstance(value.get(key), dict | bool):
                schema[key] = self._schema(place.of(value[key]), depth + 1)
        for key in _LISTS:
            if isinstance(value.get(key), list) and value[key]:
                schema[key] = [self._schema(place.of(each), depth + 1) for each in value[key]]
        for key in _MAPS:
            if isinstance(value.get(key), dict):
                schema[key] = {
                    name: self._schema(place.of(each), depth + 1)
                    for name, each in value[key].items()
                    if key != "properties" or not self._is_hidden(place.of(each))
                }
        if "required" in schema:
            schema["required"] = self._required(schema)
        return _sound(schema)

    def _is_hidden(self, place: Place) -> bool:
        """Tell whether a property is only for the other way."""
        flag = "readOnly" if self._way is Way.INPUT else "writeOnly"
        return isinstance(place.value, dict) and place.value.get(flag) is True

    def _required(self, schema: Schema) -> Any:
        """Return the required properties: those for the other way only are gone."""
        required, properties = schema["required"], schema.get("properties")
        if not isinstance(required, list):
            # A flag, as parameters have it; many write it in schemas.
            return []
        required = [each for each in required if isinstance(each, str)]
        if properties is None:
            return required
        # Those of a schema beside this one (allOf) are not among its properties.
        return [each for each in required if each in properties or "allOf" in schema]

    def _of_3_0(self, schema: Schema, value: Schema) -> Schema:
        """Turn 3.0's words into those of JSON Schema."""
        for limit, flag in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if isinstance(value.get(flag), bool):
                schema.pop(flag, None)
                if value[flag] and limit in schema:
                    schema[flag] = schema.pop(limit)
        if value.get("nullable") is True:
            if isinstance(schema.get("type"), str):
                schema["type"] = [schema["type"], "null"]
                if "enum" in schema and None not in schema["enum"]:
                    schema["enum"] = [*schema["enum"], None]
            elif "type" not in schema and schema:
                described: Schema = {
                    k: schema.pop(k) for k in ("title", "description") if k in schema
                }
                return {**described, "anyOf": [schema, {"type": "null"}]}
        if schema.get("format") in ("byte", "binary") and schema.get("type") == "string":
            schema["contentEncoding"] = "base64"
            del schema["format"]
        return schema

    def _name(self, place: Place, reference: str) -> str:
        """Return the definition's name; the first time, have it written."""
        found = place.at(reference)
        name = self._names.get(id(found.value))
        if name is None:
            if len(self._names) >= _MAX_DEFINITIONS:
                raise InvalidCall(f"a schema needs more than {_MAX_DEFINITIONS} others")
            name = self._free(_NOT_IN_NAMES.sub("_", reference.rpartition("/")[2]) or "schema")
            self._names[id(found.value)] = name
            self._waiting.append((name, found))
        return name

    def _free(self, name: str) -> str:
        taken = set(self._names.values())
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        return free


def gives_objects(place: Place, depth: int = 0) -> bool:
    """Tell whether all values that a schema allows are objects."""
    if depth > _MAX_DEPTH:
        return False
    place = place.followed()
    value = place.value
    if not isinstance(value, dict) or value.get("nullable") is True:
        return False
    if "type" in value:
        return bool(value["type"] == "object")
    for key, combined in (("allOf", any), ("anyOf", all), ("oneOf", all)):
        parts = value.get(key)
        if isinstance(parts, list) and parts:
            return combined(gives_objects(place.of(each), depth + 1) for each in parts)
    return "properties" in value


def _sound(schema: Schema) -> Schema:
    """Leave out what would break a validator: numbers that are none, patterns of no regex."""
    for key in [key for key in schema if key in _CHECKS and not _CHECKS[key](schema[key])]:
        del schema[key]
    if "patternProperties" in schema:
        schema["patternProperties"] = {
            key: each for key, each in schema["patternProperties"].items() if _is_regex(key)
        }
    return schema


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return _is_number(value) and float(value).is_integer() and value >= 0  # type: ignore[arg-type,operator]


def _is_step(value: object) -> bool:
    return _is_number(value) and value > 0  # type: ignore[operator]


def _is_type(value: object) -> bool:
    kinds = value if isinstance(value, list) else [value]
    known = all(isinstance(each, str) and each in _TYPES for each in kinds)
    return known and bool(kinds) and len(set(kinds)) == len(kinds)


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_names(value: object) -> bool:
    return _is_list(value) and len(set(value)) == len(value)  # type: ignore[call-overload,arg-type]


def _is_names_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, list) and all(map(_is_text, each)) and len(set(each)) == len(each)
        for each in value.values()
    )


def _is_regex(text: object) -> bool:
    try:
        re.compile(str(text))
    except re.error:
        return False
    return isinstance(text, str)


_CHECKS: dict[str, Callable[[object], bool]] = {
    "type": _is_type,
    "enum": _is_list,
    "required": _is_names,
    "pattern": _is_regex,
    "multipleOf": _is_step,
    "dependentRequired": _is_names_by_name,
    **dict.fromkeys(
        ("title", "description", "format", "contentEncoding", "contentMediaType"), _is_text
    ),
    **dict.fromkeys(("uniqueItems", "deprecated"), _is_flag),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number
    ),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
         "minContains", "maxContains"), _is_count
    ),
}  # fmt: skip
