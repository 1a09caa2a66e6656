"""The forms that the JSON mapping of protobuf has for scalars, keys of maps and well-known types.

Source: https://protobuf.dev/programming-guides/json/
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from mcpmesh.adopt.way import Way

Schema = dict[str, Any]
_LONG = {"pattern": "^-?[0-9]+$", "format": "int64"}
_UNSIGNED_LONG = {"pattern": "^[0-9]+$", "format": "uint64"}


def _long(way: Way) -> Schema:
    return {"type": ["integer", "string"] if way is Way.INPUT else "string", **_LONG}


def _unsigned_long(way: Way) -> Schema:
    if way is Way.OUTPUT:
        return {"type": "string", **_UNSIGNED_LONG}
    return {"type": ["integer", "string"], "minimum": 0, **_UNSIGNED_LONG}


def _int(_way: Way) -> Schema:
    return {"type": "integer", "format": "int32"}


def _unsigned_int(_way: Way) -> Schema:
    return {"type": "integer", "format": "uint32", "minimum": 0}


def _real(kind: str) -> Callable[[Way], Schema]:
    # The three numbers that JSON has no form for are texts; nobody is told to write them.
    given: Schema = {"type": ["number", "string"], "pattern": "^(NaN|-?Infinity)$", "format": kind}
    taken: Schema = {"type": "number", "format": kind}
    return lambda way: taken if way is Way.INPUT else given


def _plain(**schema: Any) -> Callable[[Way], Schema]:
    return lambda _way: schema


_SCALARS: dict[int, Callable[[Way], Schema]] = {
    FieldDescriptor.TYPE_DOUBLE: _real("double"),
    FieldDescriptor.TYPE_FLOAT: _real("float"),
    FieldDescriptor.TYPE_INT64: _long,
    FieldDescriptor.TYPE_SINT64: _long,
    FieldDescriptor.TYPE_SFIXED64: _long,
    FieldDescriptor.TYPE_UINT64: _unsigned_long,
    FieldDescriptor.TYPE_FIXED64: _unsigned_long,
    FieldDescriptor.TYPE_INT32: _int,
    FieldDescriptor.TYPE_SINT32: _int,
    FieldDescriptor.TYPE_SFIXED32: _int,
    FieldDescriptor.TYPE_UINT32: _unsigned_int,
    FieldDescriptor.TYPE_FIXED32: _unsigned_int,
    FieldDescriptor.TYPE_BOOL: _plain(type="boolean"),
    FieldDescriptor.TYPE_STRING: _plain(type="string"),
    FieldDescriptor.TYPE_BYTES: _plain(type="string", contentEncoding="base64"),
}
_SIGNED_KEYS = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_SINT32,
    FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_SFIXED64,
}


def scalar_schema(one: FieldDescriptor, way: Way) -> Schema:
    """Return the schema of one value of a field that is neither a message nor an enum."""
    return dict(_SCALARS[one.type](way))


def key_schema(key: FieldDescriptor) -> Schema:
    """Return what the names of a map's entries must be: JSON has only texts there."""
    if key.type == FieldDescriptor.TYPE_STRING:
        return {}
    if key.type == FieldDescriptor.TYPE_BOOL:
        return {"propertyNames": {"enum": ["true", "false"]}}
    sign = "-?" if key.type in _SIGNED_KEYS else ""
    return {"propertyNames": {"pattern": f"^{sign}[0-9]+$"}}


def _of(kind: int) -> Callable[[Way], Schema]:
    return _SCALARS[kind]


_WELL_KNOWN: dict[str, Callable[[Way], Schema]] = {
    "google.protobuf.Timestamp": _plain(type="string", format="date-time"),
    "google.protobuf.Duration": _plain(
        type="string",
        pattern=r"^-?[0-9]+(\.[0-9]{1,9})?s$",
        description="Seconds, such as 1.5s.",
    ),
    "google.protobuf.FieldMask": _plain(
        type="string", description="Names of fields in lowerCamelCase, with commas between."
    ),
    "google.protobuf.Struct": _plain(type="object"),
    "google.protobuf.Value": _plain(),
    "google.protobuf.ListValue": _plain(type="array"),
    "google.protobuf.NullValue": _plain(type="null"),
    "google.protobuf.Empty": _plain(type="object", properties={}, additionalProperties=False),
    "google.protobuf.Any": _plain(
        type="object",
        properties={"@type": {"type": "string"}},
        description="Any message: its fields, and @type with its type such as "
        "type.googleapis.com/pkg.Message; types with a JSON form of their own stand in value.",
    ),
    "google.protobuf.DoubleValue": _of(FieldDescriptor.TYPE_DOUBLE),
    "google.protobuf.FloatValue": _of(FieldDescriptor.TYPE_FLOAT),
    "google.protobuf.Int64Value": _of(FieldDescriptor.TYPE_INT64),
    "google.protobuf.UInt64Value": _of(FieldDescriptor.TYPE_UINT64),
    "google.protobuf.Int32Value": _of(FieldDescriptor.TYPE_INT32),
    "google.protobuf.UInt32Value": _of(FieldDescriptor.TYPE_UINT32),
    "google.protobuf.BoolValue": _of(FieldDescriptor.TYPE_BOOL),
    "google.protobuf.StringValue": _of(FieldDescriptor.TYPE_STRING),
    "google.protobuf.BytesValue": _of(FieldDescriptor.TYPE_BYTES),
}


def is_well_known(kind: Descriptor | EnumDescriptor) -> bool:
    """Tell whether the JSON mapping has a form of its own for a type."""
    return kind.full_name in _WELL_KNOWN


def well_known_schema(kind: Descriptor | EnumDescriptor, way: Way) -> Schema:
    """Return the schema of such a type."""
    return dict(_WELL_KNOWN[kind.full_name](way))


def is_object_message(message: Descriptor) -> bool:
    """Tell whether a message's JSON is an object: a Timestamp's is a text, for one."""
    if not is_well_known(message):
        return True
    return well_known_schema(message, Way.INPUT).get("type") == "object"
