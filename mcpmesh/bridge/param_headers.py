"""Mcp-Param-* headers: they repeat the arguments of a call that a schema marks.

Which tools have such marks is found out once for each state of the catalog; a call of another
tool costs a look into a table.
"""

import re
from collections.abc import Iterator, Mapping, Set
from decimal import Decimal
from typing import Any

import orjson

from mcpmesh.bridge.header_value import decoded_header
from mcpmesh.bridge.http_message import Headers
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import SHOWN, Params, RpcError
from mcpmesh.stack.mesh import Mesh

_MARK = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", re.ASCII)
#: Keywords that hold values, not schemas.
_DATA = ("const", "default", "enum", "examples")
_PRIMITIVE = ("string", "integer", "boolean")
_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_MAX_DEPTH = 8
#: Where an argument is in the object, and the header that repeats it.
Marked = tuple[tuple[str, ...], bytes]


class ParamHeaders:
    """The marked arguments of each tool."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._tools: Mapping[str, tuple[Marked, ...]] = {}
        self._stale = True
        #: No tool is known to have marks: nothing need be checked.
        self.idle = False
        mesh.listen(self._changed)

    def _changed(self) -> None:
        self._stale, self.idle = True, False

    def check(self, params: Params, headers: Headers, twice: Set[bytes]) -> None:
        """Compare a tools/call's headers with its arguments.

        Raises: RpcError -32020.
        """
        if self._stale:
            self._refresh()
        name = params.get("name")
        marked = self._tools.get(name) if type(name) is str else None
        if marked is None:
            return
        for path, header in marked:
            _compare(header, headers, twice, _value(params.get("arguments"), path))

    def _refresh(self) -> None:
        self._stale = False
        tools: dict[str, tuple[Marked, ...]] = {}
        for status in self._mesh.tools().tools:
            tool = status.tool
            if tool.name not in tools and _MARK.encode() in tool.input_schema:
                tools[tool.name] = marks(tool.input_schema)
        self._tools = {name: marked for name, marked in tools.items() if marked}
        self.idle = not self._tools


def marks(raw: bytes) -> tuple[Marked, ...]:
    """Return the marked arguments of a schema; none when a mark is not as the spec has it."""
    try:
        schema = orjson.loads(raw)
        found = list(_marked(schema, ()))
    except ValueError:
        return ()
    names = {header for _, header in found}
    fine = len(names) == len(found) == _count(schema)
    return tuple(found) if fine else ()


def _count(schema: Any) -> int:
    """Count the marks of a schema wherever they are."""
    if isinstance(schema, list):
        return sum(map(_count, schema))
    if not isinstance(schema, dict):
        return 0
    count = 0
    for key, inner in schema.items():
        if key == "properties" and isinstance(inner, dict):  # names of properties are no keywords
            count += sum(map(_count, inner.values()))
        elif key not in _DATA:
            count += (key == _MARK) + _count(inner)
    return count


def _marked(schema: Any, path: tuple[str, ...]) -> Iterator[Marked]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or len(path) > _MAX_DEPTH:
        return
    for name, inner in properties.items():
        if not isinstance(inner, dict):
            continue
        mark = inner.get(_MARK)
        if mark is not None:
            if not isinstance(mark, str) or not _TOKEN.fullmatch(mark):
                raise ValueError(mark)
            if inner.get("type") not in _PRIMITIVE:
                raise ValueError(mark)
            yield (*path, name), b"mcp-param-" + mark.lower().encode()
        yield from _marked(inner, (*path, name))


def _value(arguments: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    return arguments


def _compare(header: bytes, headers: Headers, twice: Set[bytes], value: Any) -> None:
    shown = header.decode().title()
    said = headers.get(header)
    if value is None:
        if said is not None:
            raise RpcError(mcp.HEADER_MISMATCH, f"header {shown} says what the body does not")
        return
    if said is None:
        raise RpcError(mcp.HEADER_MISMATCH, f"header {shown} is missing")
    if header in twice:
        raise RpcError(mcp.HEADER_MISMATCH, f"header {shown} is given more than once")
    text = decoded_header(said)
    expected = _written(value)
    if text is None:
        raise RpcError(mcp.HEADER_MISMATCH, f"header {shown} is malformed")
    if text != expected and not _same_number(text, value):
        raise RpcError(
            mcp.HEADER_MISMATCH,
            f"header {shown} says {text[:SHOWN]!r}, the body says {expected[:SHOWN]!r}",
        )


def _same_number(text: str, value: Any) -> bool:
    """Tell whether a text is the number that the body has, however either is written."""
    if type(value) not in (int, float) or not _NUMBER.fullmatch(text):
        return False
    return Decimal(text) == value if type(value) is int else float(text) == value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else orjson.dumps(value).decode()
