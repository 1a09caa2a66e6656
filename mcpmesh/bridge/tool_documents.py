"""The mesh's tools as documents for programs: manifests, OpenAI functions, an OpenAPI document.

A document is written once for each state of the catalog and filter. Its ETag is a digest of what
it says, so it is the same on every bridge, and stays when only replicas come and go.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeVar

import orjson

from mcpmesh.bridge.lists import known_tools
from mcpmesh.bridge.unknown import unknown
from mcpmesh.bridge.view import View
from mcpmesh.codec.manifest import manifest_json
from mcpmesh.codec.mcp_entry import listed_in
from mcpmesh.codec.openai import function_json, function_name
from mcpmesh.codec.openapi import Operation, document_bytes, operation_of
from mcpmesh.errors import ToolNotFound
from mcpmesh.stack.mesh import Mesh, ToolList
from mcpmesh.v1 import tool_pb2

T = TypeVar("T")
Kind = Literal["manifest", "chat", "responses", "openapi"]
#: Documents that are kept; filters beyond them are written anew each time.
MAX_KEPT = 64


@dataclass(frozen=True, slots=True)
class Document:
    """What a program reads, and the field that tells whether it has it already."""

    body: bytes
    etag: bytes


class ToolDocuments:
    """Documents of the newest version of each tool.

    Units: `patience` in seconds to wait for the first list after a start.
    """

    def __init__(self, mesh: Mesh, info: Mapping[str, str], patience: float) -> None:
        self._mesh = mesh
        self._info = info
        self._patience = patience
        self._cursor = ""
        self._tools: dict[str, tool_pb2.Tool] = {}
        self._names: dict[str, str] = {}
        self._kept: dict[tuple[Kind, View], Document] = {}
        self._parts: dict[Kind, dict[str, tuple[tool_pb2.Tool, bytes]]] = {}
        self._operations: dict[str, tuple[tool_pb2.Tool, Operation]] = {}

    async def document(self, kind: Kind, view: View) -> Document:
        """Return a document of the tools that a view shows.

        Raises: NotReady when the mesh's tools are not known in time.
        """
        self._take(await known_tools(self._mesh, self._patience))
        kept = self._kept.get((kind, view))
        if kept is None:
            kept = _document(self._written(kind, view))
            if len(self._kept) < MAX_KEPT:
                self._kept[kind, view] = kept
        return kept

    async def manifest(self, name: str, version: str, view: View) -> Document:
        """Return one tool's manifest, if it is there for the client; no version means the newest.

        Raises: ToolNotFound, NotReady.
        """
        tools = await known_tools(self._mesh, self._patience)
        self._take(tools)
        name = self.tool_name(name)
        if not view.knows(name):
            raise unknown(name, view, tools)
        for status in tools.tools:
            tool = status.tool
            if tool.name == name and version in ("", tool.version):
                return _document(orjson.dumps(manifest_json(tool)))
        if name in self._tools:
            raise ToolNotFound(f"tool {name!r} has no version {version!r}")
        raise unknown(name, view, tools)

    def tool_name(self, name: str) -> str:
        """Return the tool that a program means, which may call it as OpenAI's API does."""
        tools = self._mesh.tools()
        if tools.cursor:
            self._take(tools)
        return name if name in self._tools else self._names.get(name, name)

    def _take(self, tools: ToolList) -> None:
        if tools.cursor == self._cursor:
            return
        newest: dict[str, tool_pb2.Tool] = {}
        for status in tools.tools:
            if listed_in(status.tool) == "tools":
                newest.setdefault(status.tool.name, status.tool)
        self._tools = {name: newest[name] for name in sorted(newest)}
        self._names = {function_name(name): name for name in self._tools}
        self._cursor = tools.cursor
        self._kept.clear()

    def _written(self, kind: Kind, view: View) -> bytes:
        tools = [tool for tool in self._tools.values() if view.shows(tool)]
        if kind == "openapi":
            self._operations = _encoded(self._tools, self._operations, operation_of)
            operations = (self._operations[tool.name][1] for tool in tools)
            return document_bytes(operations, self._info["name"], self._info["version"])
        parts = _encoded(self._tools, self._parts.get(kind, {}), _WRITERS[kind])
        self._parts[kind] = parts
        return b'{"tools":[%b]}' % b",".join(parts[tool.name][1] for tool in tools)


def _encoded(
    tools: Mapping[str, tool_pb2.Tool],
    known: Mapping[str, tuple[tool_pb2.Tool, T]],
    encode: Callable[[tool_pb2.Tool], T],
) -> dict[str, tuple[tool_pb2.Tool, T]]:
    """Encode tools, but for those that are as they were: most changes are counts of replicas."""
    encoded: dict[str, tuple[tool_pb2.Tool, T]] = {}
    for name, tool in tools.items():
        before = known.get(name)
        same = before is not None and (before[0] is tool or before[0] == tool)
        encoded[name] = before if before is not None and same else (tool, encode(tool))
    return encoded


def _manifest(tool: tool_pb2.Tool) -> bytes:
    return orjson.dumps(manifest_json(tool))


def _chat(tool: tool_pb2.Tool) -> bytes:
    return orjson.dumps(function_json(tool, function_name(tool.name), "chat"))


def _responses(tool: tool_pb2.Tool) -> bytes:
    return orjson.dumps(function_json(tool, function_name(tool.name), "responses"))


_WRITERS: Mapping[Kind, Callable[[tool_pb2.Tool], bytes]] = {
    "manifest": _manifest,
    "chat": _chat,
    "responses": _responses,
}


def _document(body: bytes) -> Document:
    return Document(body, b'"%b"' % sha256(body).hexdigest()[:32].encode())
