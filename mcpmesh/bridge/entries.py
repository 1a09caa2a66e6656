"""prompts/get, resources/read and completion/complete: calls like those of tools, by one stack."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mcpmesh.bridge.asking import Asking
from mcpmesh.bridge.asks import AskFailed
from mcpmesh.bridge.call_params import check_meta
from mcpmesh.bridge.exchange import Exchange
from mcpmesh.bridge.lists import known_tools
from mcpmesh.bridge.tools_call import TOOL_ERROR, Calls
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    SHOWN,
    Params,
    Request,
    RpcError,
    result_bytes,
)
from mcpmesh.codec.mcp_entry import contents_json, messages_json, said
from mcpmesh.codec.mcp_error import tool_error_meta
from mcpmesh.codec.mcp_result import cannot_ask_json
from mcpmesh.dispatch.entry_index import EntryIndex, Knows
from mcpmesh.errors import RemoteProtocolError, ToolNotFound
from mcpmesh.model.tool import PROMPT
from mcpmesh.stack.mesh import Mesh
from mcpmesh.v1 import invoke_pb2, tool_pb2

#: Codes of a failure that is the client's; others are the server's.
_OF_THE_CLIENT = ("INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE", "FAILED_PRECONDITION")
#: Most values of a completion that the spec allows.
MAX_VALUES = 100
Result = dict[str, Any]
Finish = Callable[[tool_pb2.ToolResult], Result]


class Entries:
    """Answers what is asked of prompts and resources."""

    def __init__(
        self,
        mesh: Mesh,
        calls: Calls,
        asking: Asking,
        tuning: Tuning,
    ) -> None:
        self._mesh = mesh
        self._calls = calls
        self._asking = asking
        self._tuning = tuning
        self._index = EntryIndex()

    async def get_prompt(self, request: Request, exchange: Exchange) -> bytes:
        """Answer prompts/get.

        Raises: RpcError, MeshError.
        """
        name = _text(request.params, "name")
        entry, knows = (await self._known()).prompt(name), _knows(exchange)
        if entry is None or not (knows is None or knows(entry.name)):
            hint = self._index.like(name, PROMPT, knows)
            raise RpcError(INVALID_PARAMS, f"unknown prompt {name[:SHOWN]!r}{hint}")
        arguments = request.params.get("arguments") or {}
        if type(arguments) is not dict:
            raise RpcError(INVALID_PARAMS, f'{name}: "arguments" is not an object')
        invoke = self._invoke(entry, arguments, request.params, exchange)

        def finish(result: tool_pb2.ToolResult) -> Result:
            messages = messages_json(result, exchange.peer.version)
            described = {"description": entry.description} if entry.description else {}
            return {**described, "messages": messages}

        return await self._answer(request, exchange, invoke, finish)

    async def read_resource(self, request: Request, exchange: Exchange) -> bytes:
        """Answer resources/read.

        Raises: RpcError, MeshError.
        """
        uri = _text(request.params, "uri")
        entry = (await self._known()).resource(uri, _knows(exchange))
        if entry is None:
            raise _no_resource(uri, exchange)
        invoke = self._invoke(entry, {"uri": uri}, request.params, exchange)

        def finish(result: tool_pb2.ToolResult) -> Result:
            contents = contents_json(result, uri, entry.resource.mime_type)
            if not exchange.peer.modern:
                return {"contents": contents}
            # What was read may differ from caller to caller, and be another the next moment.
            return {"contents": contents, "ttlMs": 0, "cacheScope": "private"}

        try:
            return await self._answer(request, exchange, invoke, finish)
        except ToolNotFound as exc:  # gone meanwhile
            raise _no_resource(uri, exchange) from exc

    async def check_resource(self, uri: str, exchange: Exchange) -> None:
        """Refuse a URI that no resource has.

        Raises: RpcError.
        """
        if (await self._known()).resource(uri, _knows(exchange)) is None:
            raise _no_resource(uri, exchange)

    async def complete(self, request: Request, exchange: Exchange) -> bytes:
        """Answer completion/complete; what nobody completes has no values.

        Raises: RpcError, MeshError.
        """
        params = request.params
        entry = _referred(await self._known(), params.get("ref"), _knows(exchange))
        argument, context = params.get("argument"), params.get("context")
        if type(argument) is not dict or type(argument.get("name")) is not str:
            raise RpcError(INVALID_PARAMS, '"argument" has no name')
        if type(argument.get("value")) is not str:
            raise RpcError(INVALID_PARAMS, '"argument" has no value')
        given = {"argument": argument, **({"context": context} if type(context) is dict else {})}
        invoke = self._invoke(entry, given, params, exchange)
        invoke.complete = True
        return await self._answer(request, exchange, invoke, completion_json)

    async def _known(self) -> EntryIndex:
        return self._index.refresh(await known_tools(self._mesh, self._tuning.first_list_timeout))

    def _invoke(
        self,
        entry: tool_pb2.Tool,
        arguments: Mapping[str, Any],
        params: Params,
        exchange: Exchange,
    ) -> invoke_pb2.InvokeRequest:
        meta = params.get("_meta")
        check_meta(entry.name, meta)
        try:
            invoke = invoke_pb2.InvokeRequest(
                tool=entry.name,
                arguments=orjson.dumps(arguments),
                meta=orjson.dumps(meta) if meta else b"",
            )
            if "inputResponses" in params or "requestState" in params:
                self._asking.add_answers(invoke, params, exchange.peer.principal)
        except TypeError as exc:
            raise RpcError(INVALID_PARAMS, "the arguments nest too deep") from exc
        return invoke

    async def _answer(
        self,
        request: Request,
        exchange: Exchange,
        invoke: invoke_pb2.InvokeRequest,
        finish: Finish,
    ) -> bytes:
        try:
            outcome = await self._calls.outcome(invoke, exchange, request.params)
        except AskFailed as error:
            raise RpcError(INVALID_PARAMS, f"{invoke.tool}: {error}") from error
        meta = self._calls.meta(exchange)
        kind = outcome.WhichOneof("outcome")
        if kind == "input_required":
            if not exchange.peer.modern:
                told = cannot_ask_json(
                    invoke.tool, outcome.input_required, exchange.peer.version, {}
                )
                raise RpcError(INVALID_PARAMS, told["content"][0]["text"])
            asked = self._asking.asked(invoke, outcome.input_required, exchange, meta)
            return result_bytes(request.id, asked)
        if kind != "result":
            raise RemoteProtocolError(f"{invoke.tool}: the answer holds no outcome")
        if outcome.result.is_error:
            exchange.error_type = TOOL_ERROR
            raise _failure(outcome.result, request.params.get("uri"), exchange)
        result = finish(outcome.result)
        result["_meta"] = meta
        if exchange.peer.modern:
            result["resultType"] = "complete"
        return result_bytes(request.id, result)


def _knows(exchange: Exchange) -> Knows | None:
    """Return what tells the client's entries from others; None when all are."""
    view = exchange.view
    return None if view is None or view.scope is None else view.knows


def _text(params: Params, key: str) -> str:
    value = params.get(key)
    if type(value) is not str:
        raise RpcError(INVALID_PARAMS, f'"{key}" is missing, or is not a string')
    return value


def _referred(index: EntryIndex, ref: Any, knows: Knows | None) -> tool_pb2.Tool:
    """Return the prompt or resource that a completion is about.

    Raises: RpcError -32602.
    """
    kind = ref.get("type") if type(ref) is dict else None
    if kind not in ("ref/prompt", "ref/resource"):
        raise RpcError(INVALID_PARAMS, '"ref" is not of type ref/prompt or ref/resource')
    name = _text(ref, "name" if kind == "ref/prompt" else "uri")
    entry = index.prompt(name) if kind == "ref/prompt" else index.template(name)
    if entry is None or not (knows is None or knows(entry.name)):
        raise RpcError(INVALID_PARAMS, f"unknown {kind.removeprefix('ref/')} {name[:SHOWN]!r}")
    return entry


def completion_json(result: tool_pb2.ToolResult) -> Result:
    """Write a completion, of at most as many values as the spec allows.

    Raises: RemoteProtocolError.
    """
    try:
        told = orjson.loads(result.structured_content)
    except ValueError as exc:
        raise RemoteProtocolError("the completion is not JSON") from exc
    values = told.get("values") if type(told) is dict else None
    if type(values) is not list:
        raise RemoteProtocolError("the completion has no values")
    if len(values) > MAX_VALUES:
        told |= {"values": values[:MAX_VALUES], "hasMore": True}
    return {"completion": told}


def _no_resource(uri: str, exchange: Exchange) -> RpcError:
    code = INVALID_PARAMS if exchange.peer.modern else mcp.LEGACY_RESOURCE_NOT_FOUND
    return RpcError(code, f"there is no resource {uri[:SHOWN]!r}", {"uri": uri})


def _failure(result: tool_pb2.ToolResult, uri: Any, exchange: Exchange) -> RpcError:
    """Return the error that a failed result is: prompts and resources have no other way to fail."""
    code = result.error.code
    if code == "NOT_FOUND" and type(uri) is str:
        return _no_resource(uri, exchange)
    data = {mcp.OUR_ERROR: tool_error_meta(result.error)}
    number = INVALID_PARAMS if code in _OF_THE_CLIENT else INTERNAL_ERROR
    return RpcError(number, said(result) or code, data)
