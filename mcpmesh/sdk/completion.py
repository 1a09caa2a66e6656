"""Values for an argument that a user has begun to write."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable, signature
from typing import Any

from mcpmesh.model.tool import Tool
from mcpmesh.sdk.arguments import read_object
from mcpmesh.sdk.output import Output
from mcpmesh.sdk.tool import Kind, ToolFunction

#: Takes what the user has written, and if it has a second parameter, the other arguments so far;
#: returns values, or an awaitable of them. It is called on the event loop.
Completer = Callable[..., Any]
#: Most values that one answer may hold. Source: MCP, completion/complete.
MAX_VALUES = 100


@dataclass(frozen=True, slots=True)
class _Params:
    """Takes the whole object as it is."""

    schema: bytes = b""

    def read(self, payload: bytes) -> dict[str, Any]:
        return {"params": read_object(payload)}


def completing(tool: Tool, names: Iterable[str], completers: Mapping[str, Completer]) -> Any:
    """Return the function that completes the arguments of a prompt or resource template.

    Raises: TypeError for a completer of an argument that there is not.
    """
    for name in completers:
        if name not in names:
            raise TypeError(f"{tool.name} has no argument {name} to complete")

    async def complete(params: dict[str, Any]) -> dict[str, Any]:
        argument, context = _object(params.get("argument")), _object(params.get("context"))
        completer = completers.get(argument.get("name", ""))
        if completer is None:
            return completion(())
        given = (str(argument.get("value", "")), _object(context.get("arguments")))
        found = completer(*given[: len(signature(completer).parameters)])
        return completion(await found if isawaitable(found) else found)

    return ToolFunction(tool, complete, Kind.COROUTINE, _Params(), Output())


def completion(values: Iterable[str]) -> dict[str, Any]:
    """Return what MCP calls a completion: the first values, and how many there are."""
    found = [str(value) for value in values]
    shown = found[:MAX_VALUES]
    return {"values": shown, "total": len(found), "hasMore": len(found) > len(shown)}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
