"""What is not there for a client: what nobody has, or it may not call; it cannot tell which."""

from collections.abc import Iterator

from mcpmesh.bridge.lists import known_tools
from mcpmesh.bridge.view import View
from mcpmesh.codec.jsonrpc import SHOWN
from mcpmesh.errors import ToolNotFound
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.stack.mesh import Mesh, ToolList


async def as_unknown(
    error: ToolNotFound, name: str, view: View | None, mesh: Mesh, patience: float
) -> ToolNotFound:
    """Return what a client is told of a tool: nothing of those that are not there for it.

    Units: `patience` in seconds to wait for the first list after a start.
    Raises: NotReady.
    """
    if view is None or view.scope is None:
        return error
    tools = await known_tools(mesh, patience)
    return error if name in _names(view, tools) else unknown(name, view, tools)


def unknown(name: str, view: View, tools: ToolList) -> ToolNotFound:
    """Return the error, with a hint at names like this one."""
    hint = did_you_mean(name, dict.fromkeys(_names(view, tools)))
    return ToolNotFound(
        f"no tool {name[:SHOWN]!r}{hint or '; list the tools to see what there is'}"
    )


def _names(view: View, tools: ToolList) -> Iterator[str]:
    """Yield the names of tools that are there for a client."""
    for status in tools.tools:
        if status.tool.WhichOneof("kind") is None and view.knows(status.tool.name):
            yield status.tool.name
