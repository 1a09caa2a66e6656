"""A method of a gRPC service as a tool: its schemas, and JSON to protobuf and back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf import descriptor_pb2, json_format, message_factory
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from mcpmesh.adopt.proto_schema import list_schema, message_schema
from mcpmesh.adopt.proto_types import Schema, is_object_message
from mcpmesh.adopt.protos import Protos
from mcpmesh.adopt.way import Way
from mcpmesh.model.tool import ToolAnnotations
from mcpmesh.sdk.arguments import read_object
from mcpmesh.sdk.failure import ToolFailure, WrongArguments

#: The property that holds a message whose JSON is no object (a Timestamp's is a text).
VALUE = "value"
#: The property that holds the messages of a stream.
MESSAGES = "messages"
#: The property that says how many messages before them are left out.
LEFT_OUT = "leftOut"
_IDEMPOTENCE = descriptor_pb2.MethodOptions


#: What the library says of an Any, in a TypeError.
_UNKNOWN = re.compile(r"Can not find message descriptor by type_url: (\S+)")


class UnknownType(ToolFailure):
    """An answer holds an Any of the type `name`, which is in none of the protos."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message, code="INTERNAL")
        self.name = name


@dataclass(frozen=True, slots=True)
class ProtoMethod:
    """A method: how it is called, and what goes in and comes out.

    A stream of requests is one list in the arguments: a tool has all its arguments before it
    starts, which serves every method save those whose caller answers to answers.
    """

    descriptor: MethodDescriptor
    protos: Protos

    @property
    def path(self) -> str:
        """The path of its calls."""
        return f"/{self.service}/{self.descriptor.name}"

    @property
    def service(self) -> str:
        """The full name of its service."""
        return str(self.descriptor.containing_service.full_name)

    @property
    def streams_requests(self) -> bool:
        """Tell whether it takes a stream."""
        return bool(self.descriptor.client_streaming)

    @property
    def streams_answers(self) -> bool:
        """Tell whether it gives a stream."""
        return bool(self.descriptor.server_streaming)

    @property
    def description(self) -> str:
        """The proto's comment, or what can be said without one."""
        text = self.protos.comments.get(self.descriptor.full_name)
        text = text or f"Calls {self.descriptor.name} of the gRPC service {self.service}."
        if self.descriptor.GetOptions().deprecated:
            text = f"Deprecated. {text}"
        return text

    @property
    def annotations(self) -> ToolAnnotations:
        """What its idempotency_level says."""
        level = self.descriptor.GetOptions().idempotency_level
        if level == _IDEMPOTENCE.NO_SIDE_EFFECTS:
            return ToolAnnotations(read_only=True, destructive=False, idempotent=True)
        return ToolAnnotations(idempotent=True if level == _IDEMPOTENCE.IDEMPOTENT else None)

    def input_schema(self, *, described: bool = True) -> Schema:
        """Return the schema of the arguments; without comments if they are not `described`."""
        message = self.descriptor.input_type
        comments = self.protos.comments if described else {}
        if self.streams_requests:
            return list_schema(MESSAGES, message, Way.INPUT, comments)
        return _as_object(message_schema(message, Way.INPUT, comments), message)

    def output_schema(self, *, described: bool = True) -> Schema:
        """Return the schema of the structured result."""
        message = self.descriptor.output_type
        comments = self.protos.comments if described else {}
        if not self.streams_answers:
            return _as_object(message_schema(message, Way.OUTPUT, comments), message)
        schema = list_schema(MESSAGES, message, Way.OUTPUT, comments)
        schema["properties"][LEFT_OUT] = {
            "type": "integer",
            "description": f"Messages before those in {MESSAGES} that were too many to repeat.",
        }
        return schema

    def requests(self, arguments: bytes) -> list[bytes]:
        """Write the messages that a call's arguments stand for.

        Raises: WrongArguments naming the field that does not fit.
        """
        given: Any = read_object(arguments)
        message = self.descriptor.input_type
        if self.streams_requests:
            listed = given.pop(MESSAGES, None)
            if given or not isinstance(listed, list):
                raise WrongArguments(f"give one argument, {MESSAGES}: a list of messages")
            return [self._encode(each, f"{MESSAGES}.{n}: ") for n, each in enumerate(listed)]
        if not is_object_message(message):
            if given.keys() - {VALUE}:
                raise WrongArguments(f"give one argument, {VALUE}")
            given = given.get(VALUE)
        return [self._encode(given)]

    def answer(self, encoded: bytes) -> Any:
        """Read an answer as what JSON has.

        Raises: UnknownType for an Any of a type that is in none of the protos; ToolFailure when
        the bytes are not what the protos say.
        """
        kind = self.descriptor.output_type
        try:
            message: Message = message_factory.GetMessageClass(kind).FromString(encoded)
            return json_format.MessageToDict(
                message,
                always_print_fields_with_no_presence=True,
                descriptor_pool=self.protos.pool,
            )
        except (DecodeError, TypeError, ValueError, json_format.Error) as error:
            what = f"{self.path[1:]} answered what its protos do not describe as {kind.full_name}"
            said = f"{what}: {_cut(str(error))}"
            if unknown := _UNKNOWN.search(str(error)):
                raise UnknownType(said, unknown[1].rpartition("/")[2]) from error
            raise ToolFailure(said, code="INTERNAL") from error

    def result(self, answer: Any) -> dict[str, Any]:
        """Return the structured result of one answer."""
        if is_object_message(self.descriptor.output_type):
            return dict(answer)
        return {VALUE: answer}

    def _encode(self, given: Any, where: str = "") -> bytes:
        message: Message = message_factory.GetMessageClass(self.descriptor.input_type)()
        try:
            json_format.ParseDict(given, message, descriptor_pool=self.protos.pool)
            return message.SerializeToString()
        # The library lets some of Python's own errors through for values of a wrong type.
        except (json_format.Error, EncodeError, TypeError, ValueError, AttributeError) as error:
            raise WrongArguments(f"{where}{self._reason(given)}{_cut(str(error))}") from error
        except RecursionError as error:
            raise WrongArguments(f"{where}the arguments are nested too deep") from error

    def _reason(self, given: Any) -> str:
        """Say where a refused message breaks its schema; the library does not always tell."""
        schema = message_schema(self.descriptor.input_type, Way.INPUT)
        try:
            error = best_match(Draft202012Validator(schema).iter_errors(given))
        except RecursionError:
            return ""
        if error is None:
            return ""
        if error.validator is None:
            # Refused whatever it is: a second field of a oneof.
            return f"{error.absolute_schema_path[-2]} excludes the other fields of its oneof. "
        path = ".".join(str(part) for part in error.absolute_path)
        return f"{path}: {_cut(error.message, 200)}. " if path else f"{_cut(error.message, 200)}. "


def methods_of(protos: Protos, services: Sequence[str] | None = None) -> list[ProtoMethod]:
    """Return the methods of these services, of all by default."""
    return [
        ProtoMethod(method, protos)
        for service in protos.services
        if services is None or service.full_name in services
        for method in service.methods
    ]


def schema_json(schema: Schema) -> bytes:
    """Write a schema."""
    return orjson.dumps(schema)


def _as_object(schema: Schema, message: Descriptor) -> Schema:
    """Put a schema that is not one of objects into a property."""
    if is_object_message(message):
        return schema
    return {"type": "object", "properties": {VALUE: schema}, "required": [VALUE]}


def _cut(text: str, longest: int = 500) -> str:
    text = text.replace("\n", " ").strip()
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} … {text[-half:]}"
