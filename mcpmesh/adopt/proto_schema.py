"""JSON Schemas of protobuf messages, as the JSON mapping of protobuf writes and reads them.

What fits an input schema is read by the official library; what that library writes fits the
output schema. The library reads more than the input schema says (null for an unset field, names
as the proto has them, numbers of enums): a schema is what a model is told to write.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from mcpmesh.adopt.proto_field import is_repeated, is_required, map_entry
from mcpmesh.adopt.proto_types import (
    Schema,
    is_well_known,
    key_schema,
    scalar_schema,
    well_known_schema,
)
from mcpmesh.adopt.way import Way

Comments = Mapping[str, str]
#: Messages inside messages that are written where they are used; deeper ones by reference.
_MAX_INLINE = 12


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
        if is_well_known(message):
            return well_known_schema(message, self.way)
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
                if kind is None or is_well_known(kind):
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
                **key_schema(entry.fields_by_name["key"]),
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
            return scalar_schema(one, self.way)
        if is_well_known(kind):
            return well_known_schema(kind, self.way)
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
