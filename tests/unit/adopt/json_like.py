"""Strategies: JSON that fits a schema as mcpmesh.adopt writes them, and messages of any kind."""

import base64
from datetime import UTC, datetime
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

_INTS = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_LONGS = {"int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64 - 1)}
_BOUNDS = _INTS | _LONGS
_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_ANY = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)
_MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
_DURATIONS = st.integers(-315_576_000_000, 315_576_000_000).map(lambda seconds: f"{seconds}s")
_MASKS = st.lists(st.sampled_from(["name", "serialNumber", "pond.depth"]), max_size=3).map(",".join)


def fitting(schema: dict[str, Any], root: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Return JSON that fits a schema; formats count."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return st.deferred(lambda: fitting(root["$defs"][name], root, depth))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([fitting(each, root, depth) for each in schema["anyOf"]])
    kind = schema.get("type")
    if kind is None:
        return _ANY
    if isinstance(kind, list):
        kinds = [{**schema, "type": each} for each in kind]
        return st.one_of([fitting(each, root, depth) for each in kinds])
    return _OF_TYPE[kind](schema, root, depth)


def _object(schema: dict[str, Any], root: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    if "@type" in schema.get("properties", {}):
        return st.just({}) | st.just(
            {"@type": "type.googleapis.com/zoo.v1.Census", "animals": 3, "legs": "12"}
        )
    if "properties" not in schema:
        if "additionalProperties" not in schema:
            return st.dictionaries(_TEXT, _ANY, max_size=3)
        values = fitting(schema["additionalProperties"], root, depth + 1)
        names = _names(schema.get("propertyNames", {}))
        return st.dictionaries(names, values, max_size=2 if depth < 2 else 0)
    required = set(schema.get("required", ()))
    fields = {
        name: fitting(part, root, depth + 1)
        for name, part in schema["properties"].items()
        if name in required or depth < 3
    }
    needed = {name: each for name, each in fields.items() if name in required}
    optional = {name: each for name, each in fields.items() if name not in required}
    made = st.fixed_dictionaries(needed, optional=optional)
    return made.map(lambda value: _without_rivals(value, schema.get("dependentSchemas", {})))


def _without_rivals(value: dict[str, Any], rivals: dict[str, Any]) -> dict[str, Any]:
    for name, then in rivals.items():
        if name in value:
            value = {key: each for key, each in value.items() if key not in then["properties"]}
    return value


def _names(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "pattern" in schema:
        return st.integers(-5 if "-" in schema["pattern"] else 0, 99).map(str)
    return _TEXT


def _array(schema: dict[str, Any], root: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    items = fitting(schema.get("items", {}), root, depth + 1)
    return st.lists(items, max_size=2 if depth < 2 else 0)


def _string(schema: dict[str, Any], _root: dict[str, Any], _depth: int) -> st.SearchStrategy[Any]:
    kind = schema.get("format")
    if kind in _LONGS:
        return st.integers(*_LONGS[kind]).map(str)
    if kind == "date-time":
        return _MOMENTS.map(lambda moment: moment.isoformat())
    if schema.get("contentEncoding") == "base64":
        return st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode())
    if "Names of fields" in schema.get("description", ""):
        return _MASKS
    if "pattern" in schema:
        return _DURATIONS
    return _TEXT


def _number(schema: dict[str, Any], _root: dict[str, Any], _depth: int) -> st.SearchStrategy[Any]:
    width = 32 if schema.get("format") == "float" else 64
    return st.floats(width=width, allow_nan=False, allow_infinity=False).filter(_is_not_largest)


def _is_not_largest(value: float) -> bool:
    """The library writes the largest floats with a last digit that it then finds too large."""
    return not 3.4e38 < abs(value) < 3.5e38


_OF_TYPE = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": _number,
    "integer": lambda schema, _root, _depth: st.integers(*_BOUNDS[schema.get("format", "int32")]),
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
}

_VALUES: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(*_INTS["int32"]),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(*_INTS["uint32"]),
    FieldDescriptor.CPPTYPE_INT64: st.integers(*_LONGS["int64"]),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(*_LONGS["uint64"]),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32).filter(_is_not_largest),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 99),
}


@st.composite
def messages(draw: st.DrawFn, kind: Descriptor, depth: int = 0) -> Any:
    """Draw a message with some of its fields set; numbers that an enum has no name for too."""
    message = message_factory.GetMessageClass(kind)()
    if kind.full_name.startswith("google.protobuf."):
        return message
    for one in kind.fields:
        if not draw(st.booleans()):
            continue
        if one.message_type is not None:
            if depth < 2 and not one.is_repeated:
                getattr(message, one.name).CopyFrom(draw(messages(one.message_type, depth + 1)))
            continue
        values = _VALUES.get(one.cpp_type)
        if values is None:
            values = st.binary(max_size=5) if one.type == one.TYPE_BYTES else _TEXT
        if one.enum_type is not None and one.enum_type.full_name == "google.protobuf.NullValue":
            values = st.just(0)
        if one.is_repeated:
            getattr(message, one.name).extend(draw(st.lists(values, max_size=2)))
        else:
            setattr(message, one.name, draw(values))
    return message
