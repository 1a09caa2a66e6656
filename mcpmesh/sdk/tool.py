"""A function as a tool: what callers see of it, and how it is to be run."""

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

from mcpmesh.errors import InvalidCall
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.model.tool import MAX_DESCRIPTION_BYTES, Tool, ToolAnnotations
from mcpmesh.policy.tool_policy import wishes
from mcpmesh.sdk.arguments import Arguments, by_parameters, by_schema, by_whole, hints_of
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.docstring import Documentation, read_docstring
from mcpmesh.sdk.entry_options import EntryOptions
from mcpmesh.sdk.output import Output, output_of
from mcpmesh.sdk.schema import schema_bytes


class Kind(Enum):
    """How a function runs: on the loop or in a thread, giving one value or a stream of them."""

    COROUTINE = "coroutine"
    FUNCTION = "function"
    ASYNC_GENERATOR = "async generator"
    GENERATOR = "generator"


class Said(EntryOptions, total=False):
    """The options as keyword arguments; `ToolOptions` says what they mean."""

    idempotent: bool | None
    read_only: bool | None
    destructive: bool | None
    open_world: bool | None
    input_schema: Mapping[str, Any] | None
    output_schema: Mapping[str, Any] | None
    policy: Mapping[str, Any] | None
    capability: str


@dataclass(frozen=True, slots=True)
class ToolOptions:
    """What a tool's author says beside the function itself; None means: not said.

    Units: `timeout` in seconds.
    """

    name: str | None = None
    title: str = ""
    description: str | None = None
    version: str = ""
    labels: Mapping[str, str] | None = None
    timeout: float | None = None
    idempotent: bool | None = None
    read_only: bool | None = None
    destructive: bool | None = None
    open_world: bool | None = None
    input_schema: Mapping[str, Any] | None = None
    output_schema: Mapping[str, Any] | None = None
    policy: Mapping[str, Any] | None = None
    capability: str = ""


def tool_options(said: Said) -> ToolOptions:
    """Take options by their names.

    Raises: TypeError naming one that tools do not have.
    """
    check_options("tool", said, Said)
    return ToolOptions(**said)


def check_options(what: str, said: Mapping[str, Any], known: type) -> None:
    """Refuse options that a TypedDict does not have.

    Raises: TypeError naming the first.
    """
    for name in said:
        if name not in known.__annotations__:
            hint = did_you_mean(name, known.__annotations__)
            raise TypeError(f"a {what} has no option {name!r}{hint}")


@dataclass(frozen=True, slots=True, eq=False)
class ToolFunction:
    """A tool and the function behind it.

    `context` names the parameter that gets the ToolContext. `complete` gives values for the
    arguments of a prompt or resource template.
    """

    tool: Tool
    function: Callable[..., Any]
    kind: Kind
    arguments: Arguments
    output: Output
    context: str | None = None
    complete: "ToolFunction | None" = None


def tool_function(
    function: Callable[..., Any], options: ToolOptions, *, whole: str | None = None
) -> ToolFunction:
    """Make a tool of a function.

    `whole` names the parameter that takes the whole arguments object, if it can.
    Raises: TypeError naming the tool and the parameter that has no schema; InvalidCall for a
    name, label, description or timeout that the mesh refuses.
    """
    name = options.name or _name_of(function)
    hints = hints_of(name, function)
    documentation = read_docstring(_docstring(function))
    context = _context_parameter(name, function, hints)
    arguments = _arguments(name, function, options, hints, documentation, context, whole)
    output = output_of(name, hints.get("return", inspect.Signature.empty))
    if options.output_schema is not None:
        output = replace(output, schema=schema_bytes(options.output_schema))
    description = options.description
    if description is None:
        description = documentation.description
    if len(description.encode()) > MAX_DESCRIPTION_BYTES:
        raise InvalidCall(
            f"tool {name}: the description is longer than {MAX_DESCRIPTION_BYTES} bytes"
        )
    tool = Tool(
        name=name,
        title=options.title,
        description=description,
        input_schema=arguments.schema,
        output_schema=output.schema,
        annotations=ToolAnnotations(
            options.read_only, options.destructive, options.idempotent, options.open_world
        ),
        version=options.version,
        labels=dict(options.labels or {}),
        timeout=options.timeout,
        policy=wishes(name, options.policy or {}),
        capability=options.capability,
    )
    return ToolFunction(tool, function, kind_of(function), arguments, output, context)


def _arguments(
    name: str,
    function: Callable[..., Any],
    options: ToolOptions,
    hints: Mapping[str, Any],
    documentation: Documentation,
    context: str | None,
    whole: str | None,
) -> Arguments:
    if options.input_schema is not None:
        parameters = [each for each in inspect.signature(function).parameters if each != context]
        if len(parameters) != 1:
            raise TypeError(
                f"tool {name}: with an input_schema the function takes one argument, the object; "
                f"it takes {', '.join(parameters) or 'none'}"
            )
        return by_schema(parameters[0], options.input_schema)
    if whole is not None:
        found = by_whole(name, whole, hints.get(whole, inspect.Parameter.empty))
        if found is not None:
            return found
    return by_parameters(name, function, documentation.parameters, context)


def _name_of(function: Callable[..., Any]) -> str:
    target = function
    while hasattr(target, "func"):
        target = target.func
    name: str = getattr(target, "__name__", type(target).__name__)
    if name == "<lambda>":
        raise TypeError("a lambda has no name; give the tool one with name=")
    return name


def _docstring(function: Callable[..., Any]) -> str | None:
    while hasattr(function, "func"):
        function = function.func
    if inspect.isroutine(function):
        return inspect.getdoc(function)
    return inspect.getdoc(type(function).__call__) or inspect.getdoc(type(function))


def kind_of(function: Callable[..., Any]) -> Kind:
    """Tell how a function runs, by how it is written."""
    while hasattr(function, "func"):
        function = function.func
    target = function if inspect.isroutine(function) else type(function).__call__
    if inspect.isasyncgenfunction(target):
        return Kind.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(target):
        return Kind.GENERATOR
    return Kind.COROUTINE if inspect.iscoroutinefunction(target) else Kind.FUNCTION


def _context_parameter(
    name: str, function: Callable[..., Any], hints: Mapping[str, Any]
) -> str | None:
    """Return the parameter annotated ToolContext (also optional, also Annotated)."""
    found = [
        parameter
        for parameter in inspect.signature(function).parameters
        if _is_context(hints.get(parameter))
    ]
    if len(found) > 1:
        raise TypeError(f"tool {name}: {' and '.join(found)} are both a ToolContext; keep one")
    return found[0] if found else None


def _is_context(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_context(part) for part in get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _is_context(get_args(annotation)[0])
    return isinstance(annotation, type) and issubclass(annotation, ToolContext)
