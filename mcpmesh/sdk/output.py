"""A function's return annotation → the output schema, and its return value → a ToolResult.

An object is the structured result as it stands; anything else is wrapped as {"result": …},
because MCP's structured content is an object. Content (images, bytes, blocks) has no schema.
"""

import inspect
import types
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
)
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from mcpmesh.sdk.content import CONTENT_TYPES, blocks, is_content, json_bytes, text_block
from mcpmesh.sdk.failure import WrongOutput
from mcpmesh.sdk.schema import is_object, json_schema, schema_bytes
from mcpmesh.v1 import tool_pb2

_STREAMS = (AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator)
_MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Output:
    """Turns return values into results.

    `adapter` None means that nothing usable is declared: any value is taken as it is.
    """

    schema: bytes = b""
    adapter: TypeAdapter[Any] | None = None
    wrapped: bool = False

    def result(self, value: object) -> tool_pb2.ToolResult:
        """Return the result that stands for a value.

        Raises: WrongOutput for a value that the declared type refuses or JSON has no form for.
        """
        if isinstance(value, tool_pb2.ToolResult):
            return value
        if self.adapter is not None:
            return self._declared(value, self.adapter)
        if value is None or isinstance(value, str) or is_content(value):
            return tool_pb2.ToolResult(content=blocks(value))
        return _undeclared(value)

    def _declared(self, value: object, adapter: TypeAdapter[Any]) -> tool_pb2.ToolResult:
        try:
            # Without warnings: what serialises differently from its declaration was validated.
            valid = adapter.validate_python(value)
            encoded = adapter.dump_json(valid, by_alias=True, warnings=False)
        except ValidationError as error:
            raise WrongOutput(
                f"the tool returned a value that its declared output refuses: {_first(error)}"
            ) from error
        except ValueError as error:
            raise WrongOutput(f"the tool's result has no JSON form: {error}") from error
        if value is None:
            content = []
        else:
            content = [text_block(value if isinstance(value, str) else encoded.decode())]
        structured = b'{"result":' + encoded + b"}" if self.wrapped else encoded
        return tool_pb2.ToolResult(content=content, structured_content=structured)


def output_of(tool: str, annotation: Any) -> Output:
    """Return how values of a return annotation become results.

    A stream (Iterator, AsyncIterator, …) has no schema: its chunks are content.
    Raises: TypeError naming the tool when pydantic cannot use the type as it is written.
    """
    if annotation is inspect.Signature.empty or _shapeless(annotation):
        return Output()
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        schema = json_schema(adapter, "serialization")
        if is_object(schema):
            return Output(schema_bytes(schema), adapter)
        wrapper: TypeAdapter[Any] = TypeAdapter(create_model("Result", result=(annotation, ...)))
        schema = json_schema(wrapper, "serialization")
        return Output(schema_bytes(schema), adapter, wrapped=True)
    except PydanticSchemaGenerationError:
        # A class pydantic knows nothing of: its values may still have a JSON form.
        return Output()
    except PydanticUserError as error:
        raise TypeError(f"tool {tool}: the return type: {error}") from error


def _undeclared(value: object) -> tool_pb2.ToolResult:
    try:
        encoded = json_bytes(value)
    except ValueError as error:
        raise WrongOutput(f"the tool's result has no JSON form: {error}") from error
    is_json_object = encoded.startswith(b"{")
    return tool_pb2.ToolResult(
        content=[text_block(encoded.decode())],
        structured_content=encoded if is_json_object else b'{"result":' + encoded + b"}",
    )


def _shapeless(annotation: Any) -> bool:
    """Tell whether no output schema can be promised: content, streams, or anything at all."""
    if annotation in (Any, object, dict, list, tuple):
        return True
    origin = get_origin(annotation)
    if origin is Annotated:
        return _shapeless(get_args(annotation)[0])
    return annotation in _STREAMS or origin in _STREAMS or _holds_content(annotation)


def _holds_content(annotation: Any) -> bool:
    """Tell whether a type is content, or a union or list of types one of which is."""
    if get_origin(annotation) in (Union, types.UnionType, Annotated, list, tuple):
        return any(_holds_content(part) for part in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, CONTENT_TYPES)


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where}: {detail['msg']}"[:_MAX_REASON] if where else detail["msg"][:_MAX_REASON]
