"""What a tool container says at /manifest → tools of the mesh, and where each is called.

The manifest is what a bridge serves at the same path: {"tools": […]}, or one tool alone. Of a tool
only `name` has to be there. `invoke` says where it is called, as a path; by default /invoke.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson

from mcpmesh.adopt.naming import Naming
from mcpmesh.codec.mcp_entry_read import read_tool
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import Tool

_INVOKE = "/invoke"
_MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ContainedTool:
    """A tool of a container: as the mesh knows it, by its own name, and the URL of its calls."""

    tool: Tool
    own_name: str
    url: str


def tools_in(
    manifest: bytes, base: str, naming: Naming, labels: Mapping[str, str]
) -> Iterator["ContainedTool | InvalidCall"]:
    """Yield the tools of a manifest, and for those that the mesh cannot have the reason.

    Raises: InvalidCall for what is no manifest.
    """
    try:
        said = orjson.loads(manifest)
    except ValueError as error:
        raise InvalidCall(f"its manifest is not JSON: {error}") from error
    entries = None
    if isinstance(said, dict):
        entries = said.get("tools", [said] if "name" in said else None)
    if not isinstance(entries, list):
        raise InvalidCall('its manifest has neither "tools" nor a "name"')
    for entry in entries:
        try:
            yield _contained(entry, base, naming, labels)
        except InvalidCall as error:
            yield error


def _contained(entry: Any, base: str, naming: Naming, labels: Mapping[str, str]) -> ContainedTool:
    """Read one entry.

    Raises: InvalidCall.
    """
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise InvalidCall("an entry of its manifest has no name")
    tool = read_tool(entry, naming.name(name), {**_texts(entry.get("labels")), **labels})
    if isinstance(version := entry.get("version"), str) and version:
        tool = replace(tool, version=version)
    timeout = entry.get("timeout")
    if isinstance(timeout, int | float) and timeout > 0:
        tool = replace(tool, timeout=float(timeout))
    return ContainedTool(tool, name, _url(base, entry.get("invoke", _INVOKE), name))


def _url(base: str, invoke: Any, name: str) -> str:
    """Return where a tool is called: nowhere but at the container itself.

    Raises: InvalidCall.
    """
    if not isinstance(invoke, str):
        raise InvalidCall(f'{name}: "invoke" is not a path')
    try:
        # A path is the container's, wherever below a host that is.
        url = base + invoke if invoke.startswith("/") else urljoin(base + "/", invoke)
        same = urlsplit(url)[:2] == urlsplit(base)[:2]
    except ValueError:
        same = False
    if not same:
        raise InvalidCall(f'{name}: "invoke" {invoke[:_MOST_SHOWN]!r} leads elsewhere than {base}')
    return url


def _texts(value: Any) -> dict[str, str]:
    """Return the labels that an entry has."""
    given = value if isinstance(value, dict) else {}
    return {key: each for key, each in given.items() if isinstance(each, str)}
