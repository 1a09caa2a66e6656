"""JSON Schemas of protobuf messages, as the JSON mapping of protobuf writes and reads them.

What fits an input schema is read by the official library; what that library writes fits the
output schema. The library reads more than the input schema says (null for an unset field, names
as the proto has them, numbers of enums): a schema is what a model is told to write.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from mcpmesh.adopt.proto_field import is_repeated, is_required, map_entry

Schema = dict[str, Any]
Comments = Mapping[str, str]
#: Messages inside messages that are written where they are used; deeper ones by reference.
_MAX_INLINE = 12


class Way(Enum):
    """Which way a message goes."""

    INPUT = "input"
    OUTPUT = "output"


def message_schema(message: Descriptor, way: Way, comments: Comments | None = None) -> Schema:
    """Return the schema of a message; `comments` describe full names of fields and types."""
    return _Writer(way, comments or {}, Counter()).root(message)


def list_schema(name: str, message: Descriptor, way: Way, comments: Comments) -> Schema:
    """Return the schema of an object with one property, a list of these messages."""
    writer = _Writer(way, comments, Counter())
    items = writer.root(message)
    definitions = items.pop("$defs", {})
    schema: Schema = {
        "type": "object",
        "properties": {name: {"type": "array", "items": items}},
        "required": [name],
    }
    return {**schema, "$defs": definitions} if definitions else schema


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes one schema. `uses` counts where a type is used: once is inline, more often a $ref.

    A circle of messages has one that is used twice, from within and from without, so that
    writing inline what is used once always ends.
    """

    way: Way
    comments: Comments
    uses: Counter[str]
    waiting: deque[Descriptor | EnumDescriptor] = field(default_factory=deque)
    named: set[str] = field(default_factory=set)

    def root(self, message: Descriptor) -> Schema:
        self._count(message)
        if message.full_name in _WELL_KNOWN:
            return _well_known(message, self.way)
        schema = self._object(message, 0)
        definitions: Schema = {}
        while self.waiting:
            found = self.waiting.popleft()
            definitions[found.full_name] = (
                self._object(found, 0) if isinstance(found, Descriptor) else self._enum(found)
            )
        if definitions:
            schema["$defs"] = definitions
        return schema

    def _count(self, root: Descriptor) -> None:
        """Count the uses of every type that can be reached."""
        self.uses[root.full_name] += 1
        reached = deque([root])
        while reached:
            for each in reached.popleft().fields:
                value = each
                if (entry := map_entry(each)) is not None:
                    value = entry.fields_by_name["value"]
                kind = value.message_type or value.enum_type
                if kind is None or kind.full_name in _WELL_KNOWN:
                    continue
                self.uses[kind.full_name] += 1
                if self.uses[kind.full_name] == 1 and isinstance(kind, Descriptor):
                    reached.append(kind)

    def _object(self, message: Descriptor, depth: int) -> Schema:
        properties = {each.json_name: self._field(each, depth) for each in message.fields}
        schema: Schema = {"type": "object"}
        if text := self._description(message):
            schema["description"] = text
        schema["properties"] = properties
        required = [each.json_name for each in message.fields if self._is_required(each)]
        if required:
            schema["required"] = required
        if self.way is Way.INPUT:
            if not message.is_extendable:
                schema["additionalProperties"] = False
            if alone := _one_of_each(message):
                schema["dependentSchemas"] = alone
        return schema

    def _description(self, message: Descriptor) -> str:
        """Return a message's comment, and which of its fields exclude each other."""
        parts = [self.comments.get(message.full_name, "")]
        if self.way is Way.INPUT:
            parts += [f"At most one of: {', '.join(names)}." for names in _choices(message)]
        return "\n".join(part for part in parts if part)

    def _is_required(self, one: FieldDescriptor) -> bool:
        if self.way is Way.INPUT:
            return is_required(one)
        # Written even when they have their default.
        return not one.has_presence

    def _field(self, one: FieldDescriptor, depth: int) -> Schema:
        entry = map_entry(one)
        if entry is not None:
            schema: Schema = {
                "type": "object",
                "additionalProperties": self._value(entry.fields_by_name["value"], depth),
                **_keys(entry.fields_by_name["key"]),
            }
        else:
            schema = self._value(one, depth)
            if is_repeated(one):
                schema = {"type": "array", "items": schema}
        text = self.comments.get(one.full_name)
        return {**schema, "description": text} if text else schema

    def _value(self, one: FieldDescriptor, depth: int) -> Schema:
        kind = one.message_type or one.enum_type
        if kind is None:
            return dict(_SCALARS[one.type](self.way))
        if kind.full_name in _WELL_KNOWN:
            return _well_known(kind, self.way)
        if self.uses[kind.full_name] == 1 and depth < _MAX_INLINE:
            if isinstance(kind, Descriptor):
                return self._object(kind, depth + 1)
            return self._enum(kind)
        if kind.full_name not in self.named:
            self.named.add(kind.full_name)
            self.waiting.append(kind)
        return {"$ref": f"#/$defs/{kind.full_name}"}

    def _enum(self, enum: EnumDescriptor) -> Schema:
        names: Schema = {"type": "string", "enum": [each.name for each in enum.values]}
        schema = names
        if self.way is Way.OUTPUT and not enum.is_closed:
            # A number that this edition of the enum has no name for.
            schema = {"anyOf": [names, {"type": "integer"}]}
        lines = [self.comments.get(enum.full_name, "")]
        for each in enum.values:
            if text := self.comments.get(f"{enum.full_name}.{each.name}"):
                lines.append(f"{each.name}: {text}")
        text = "\n".join(line for line in lines if line)
        return {**schema, "description": text} if text else schema


def _choices(message: Descriptor) -> list[list[str]]:
    """Return the names of each oneof's fields; those of proto3's optional fields are none."""
    return [
        [each.json_name for each in one.fields] for one in message.oneofs if len(one.fields) > 1
    ]


def _one_of_each(message: Descriptor) -> Schema:
    """Say of every field of a oneof that none of those after it may stand beside it.

    Not as oneOf or not: models' providers refuse those at the root of a tool's schema.
    """
    return {
        name: {"properties": dict.fromkeys(names[index + 1 :], False)}
        for names in _choices(message)
        for index, name in enumerate(names[:-1])
    }


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


def _keys(key: FieldDescriptor) -> Schema:
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


def _well_known(kind: Descriptor | EnumDescriptor, way: Way) -> Schema:
    return dict(_WELL_KNOWN[kind.full_name](way))


def is_object_message(message: Descriptor) -> bool:
    """Tell whether a message's JSON is an object: a Timestamp's is a text, for one."""
    if message.full_name not in _WELL_KNOWN:
        return True
    return _well_known(message, Way.INPUT).get("type") == "object"
