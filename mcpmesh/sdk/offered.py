"""Tools, prompts and resources that are made of data: whoever offers them has no function to read.

`@app.tool` reads a Python signature. What stands for something else (another server's tool, an
operation of a service) knows name, description and schemas already; they go to callers as they
are, and a handler gets the arguments as the JSON that the caller sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from jsonschema.exceptions import SchemaError

from mcpmesh.errors import InvalidCall
from mcpmesh.model.prompt import Prompt
from mcpmesh.model.resource import Resource
from mcpmesh.model.tool import Tool
from mcpmesh.sdk.arguments import Arguments, by_schema
from mcpmesh.sdk.completion import completing
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.output import Output
from mcpmesh.sdk.prompt import Messages
from mcpmesh.sdk.resource import Contents
from mcpmesh.sdk.tool import Kind, ToolFunction, kind_of

#: `async def handler(arguments: bytes, context: ToolContext)`, or an async generator.
#: Shape: `arguments` are UTF-8 JSON bytes of an object (`read_object` reads them), {"uri": …} for
#: a resource or template. It returns a ToolResult, or any value that a tool, prompt or resource
#: made of a function may return; an async generator yields chunks of content, and a ToolResult
#: ends it. It raises ToolFailure for the model, Refused for the mesh.
Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _AsSent:
    """Hands the arguments on as they are, after a check if there is one."""

    schema: bytes
    check: Arguments | None = None

    def read(self, payload: bytes) -> dict[str, Any]:
        """Return the bytes as the handler's first argument."""
        if self.check is not None:
            self.check.read(payload)
        return {"arguments": payload or b"{}"}


def offered(
    tool: Tool, handler: Handler, *, checked: bool = False, complete: Handler | None = None
) -> ToolFunction:
    """Make an entry for `ToolServer.replace` of a description and a handler.

    The kind of `tool` says whether it is a tool, a prompt or a resource. `checked`: arguments that
    the input schema refuses never reach the handler. `complete` gets MCP's
    {"argument": …, "context": …} and returns {"values": […], "total": …, "hasMore": …}.
    Raises: TypeError for a handler that is not asynchronous; InvalidCall for an input schema that
    is to be checked and is no JSON Schema.
    """
    kind = kind_of(handler)
    if kind not in (Kind.COROUTINE, Kind.ASYNC_GENERATOR):
        raise TypeError(f"{tool.name}: its handler is not an async function")
    check = _check_of(tool) if checked and tool.input_schema else None
    arguments = _AsSent(tool.input_schema, check)
    completer = None
    if complete is not None:
        completer = ToolFunction(
            tool, _by_name(complete), kind_of(complete), _AsSent(b""), Output(), "context"
        )
    elif tool.kind is not None:
        completer = completing(tool, (), {})
    return ToolFunction(
        tool, _by_name(handler), kind, arguments, _output(tool), "context", completer
    )


def _by_name(handler: Handler) -> Handler:
    """Return a handler that is called by parameters' names, whatever its own are."""

    def call(arguments: bytes, context: ToolContext) -> Any:
        return handler(arguments, context)

    return call


def _check_of(tool: Tool) -> Arguments:
    try:
        schema = orjson.loads(tool.input_schema)
    except ValueError:
        schema = None
    if not isinstance(schema, dict):
        raise InvalidCall(f"tool {tool.name}: the input schema is not a JSON object")
    try:
        return by_schema("arguments", schema)
    except SchemaError as error:
        raise InvalidCall(f"tool {tool.name}: the input schema is none: {error.message}") from error


def _output(tool: Tool) -> Output:
    if isinstance(tool.kind, Prompt):
        return Messages()
    if isinstance(tool.kind, Resource):
        return Contents(mime_type=tool.kind.mime_type)
    return Output(schema=tool.output_schema)
