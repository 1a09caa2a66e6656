"""A class with `execute(self, input_data)` as a tool.

Its attributes say what the decorator's options say; what it does not say comes from the class's
name and docstring and from the annotation of `input_data`.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from mcpmesh.sdk.docstring import read_docstring
from mcpmesh.sdk.tool import ToolFunction, ToolOptions, tool_function

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SAID = tuple(field.name for field in fields(ToolOptions))


def tool_of_object(tool: object, options: ToolOptions) -> ToolFunction:
    """Make a tool of an object (or of a class that needs no arguments) with `execute`.

    Raises: TypeError when there is no `execute`, or no schema can be made of it.
    """
    instance = tool() if inspect.isclass(tool) else tool
    kind = type(instance)
    execute: Callable[..., Any] | None = getattr(instance, "execute", None)
    if not callable(execute):
        raise TypeError(f"{kind.__name__} has no execute(self, input_data), so it is no tool")
    said = {name: getattr(instance, name) for name in _SAID if hasattr(instance, name)}
    given = {
        name: value
        for name in _SAID
        if (value := getattr(options, name)) != getattr(ToolOptions(), name)
    }
    merged = replace(ToolOptions(), **{**said, **given})
    if merged.name is None:
        merged = replace(merged, name=snake_case(kind.__name__))
    if merged.description is None:
        merged = replace(merged, description=_description(kind, execute))
    return tool_function(execute, merged, whole=_only_parameter(execute))


def snake_case(name: str) -> str:
    """Write a class's name as a tool's: WeatherForecast → weather_forecast."""
    return _WORD_START.sub("_", name).lower()


def _description(kind: type, execute: Callable[..., Any]) -> str:
    own = read_docstring(kind.__doc__).description
    return own or read_docstring(inspect.getdoc(execute)).description


def _only_parameter(execute: Callable[..., Any]) -> str | None:
    """Return the parameter that takes the whole input: input_data, or the first."""
    parameters = list(inspect.signature(execute).parameters)
    if "input_data" in parameters:
        return "input_data"
    return parameters[0] if len(parameters) == 1 else None
