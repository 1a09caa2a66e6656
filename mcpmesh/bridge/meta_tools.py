"""Tools about tools, for a list that is too long for a model: find one, read it, call it."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mcpmesh.bridge.exchange import Exchange
from mcpmesh.bridge.lists import known_tools
from mcpmesh.bridge.meta_entries import CALL, DESCRIBE, SEARCH
from mcpmesh.bridge.tools_call import TOOL_ERROR, ToolsCall
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.bridge.view import View
from mcpmesh.codec.jsonrpc import SHOWN, Request, result_bytes
from mcpmesh.codec.mcp_error import error_meta, failure_of
from mcpmesh.codec.mcp_result import failure_json, tool_result_json
from mcpmesh.codec.mcp_tool import tool_json
from mcpmesh.codec.shortened import shortened
from mcpmesh.errors import InvalidCall, MeshError, ToolNotFound
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.stack.mesh import Mesh, ToolList
from mcpmesh.v1 import discovery_pb2, tool_pb2

#: Hits asked of the mesh when some of them may not be shown.
_MOST_HITS = 100
_DEFAULT_HITS = 10
#: Tokens of a hit's description, unless the settings say less.
_HIT_TOKENS = 60

#: Returns the newest version of a tool in a list.
Find = Callable[[ToolList, str], tool_pb2.Tool | None]


class MetaTools:
    """Answers tools/call of who sees a compact list: the meta-tools here, others as ever."""

    def __init__(
        self, mesh: Mesh, call: ToolsCall, tuning: Tuning, find: Find, description_tokens: int
    ) -> None:
        self._mesh = mesh
        self._call = call
        self._tuning = tuning
        self._find = find
        self._tokens = min(description_tokens or _HIT_TOKENS, _HIT_TOKENS)

    async def __call__(self, request: Request, exchange: Exchange) -> bytes:
        """Answer one tools/call.

        Raises: RpcError or MeshError for what is not the model's to act on.
        """
        name, arguments = request.params.get("name"), request.params.get("arguments")
        if name not in (SEARCH, DESCRIBE, CALL):
            return await self._call(request, exchange)
        given = arguments if isinstance(arguments, dict) else {}
        assert exchange.view is not None
        try:
            if name == CALL:
                return await self._call(_called(request, given), exchange)
            answered = self._search if name == SEARCH else self._describe
            result = await answered(given, exchange.view, modern=exchange.peer.modern)
        except MeshError as error:
            return self._failed(request, exchange, error)
        meta = self._call.meta(exchange)
        return result_bytes(request.id, tool_result_json(result, exchange.peer.version, meta))

    def _failed(self, request: Request, exchange: Exchange, error: MeshError) -> bytes:
        """Tell the model what is wrong; what it asked for is for it to put right.

        Raises: the error, if it is not the model's to act on.
        """
        exchange.error_type = TOOL_ERROR
        failure = failure_of(error)
        if failure is None:
            if not isinstance(error, (InvalidCall, ToolNotFound)):
                raise error
            code = "NOT_FOUND" if isinstance(error, ToolNotFound) else "INVALID_ARGUMENT"
            failure = error.message, error_meta(code, False, 0)
        result = failure_json(*failure, exchange.peer.version, self._call.meta(exchange))
        return result_bytes(request.id, result)

    async def _search(
        self, given: Mapping[str, Any], view: View, *, modern: bool
    ) -> tool_pb2.ToolResult:
        query, limit = given.get("query"), given.get("limit", _DEFAULT_HITS)
        if type(query) is not str or not query.strip():
            raise InvalidCall(f'{SEARCH}: "query" has no words; say what the tool should do')
        if type(limit) is not int or not 1 <= limit <= _MOST_HITS:
            raise InvalidCall(f'{SEARCH}: "limit" is not an integer from 1 to {_MOST_HITS}')
        labels = {name: value for name, value in view.labels if value is not None}
        told = view.scope is None and len(labels) == len(view.labels)
        asked = limit if told else _MOST_HITS
        found = await self._mesh.search(
            discovery_pb2.SearchToolsRequest(query=query, limit=asked, labels=labels)
        )
        tools = [hit.tool.tool for hit in found.hits if view.shows(hit.tool.tool)][:limit]
        hits = [
            {"name": tool.name, "description": shortened(tool.description, self._tokens)}
            for tool in tools
        ]
        lines = [f"{hit['name']}: {hit['description']}" for hit in hits]
        return _told("\n".join(lines) or "no tool fits; try other words", {"tools": hits})

    async def _describe(
        self, given: Mapping[str, Any], view: View, *, modern: bool
    ) -> tool_pb2.ToolResult:
        name = given.get("name")
        if type(name) is not str:
            raise InvalidCall(f'{DESCRIBE}: "name" is missing, or is not a string')
        tools = await known_tools(self._mesh, self._tuning.first_list_timeout)
        tool = self._find(tools, name) if view.knows(name) else None
        if tool is None:
            names = dict.fromkeys(
                each.tool.name
                for each in tools.tools
                if each.tool.WhichOneof("kind") is None and view.knows(each.tool.name)
            )
            hint = did_you_mean(name, names) or f"; find tools with {SEARCH}"
            raise ToolNotFound(f"no tool {name[:SHOWN]!r}{hint}")
        entry = tool_json(tool, modern=modern)
        return _told(entry.decode(), orjson.loads(entry))


def _called(request: Request, given: Mapping[str, Any]) -> Request:
    params = {**request.params, "name": given.get("name"), "arguments": given.get("arguments")}
    return Request(request.id, request.method, params)


def _told(text: str, structured: Mapping[str, Any]) -> tool_pb2.ToolResult:
    return tool_pb2.ToolResult(
        content=[tool_pb2.Content(text=tool_pb2.TextContent(text=text))],
        structured_content=orjson.dumps(structured),
    )
