"""tools/call: the hot path, JSON to one InvokeRequest and its outcome back to JSON.

Written by hand, without a model of the messages: a validating model costs more than the rest.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from mcpmesh.bridge.asking import Asking
from mcpmesh.bridge.asks import AskFailed, Asks
from mcpmesh.bridge.call_params import asked_version, check_params
from mcpmesh.bridge.exchange import Exchange, meta_of
from mcpmesh.bridge.progress import ProgressNotes
from mcpmesh.bridge.session import Sessions
from mcpmesh.bridge.stream import Relay, TooMuch, log_level
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.bridge.unknown import as_unknown
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, Params, Request, RpcError, result_bytes
from mcpmesh.codec.mcp_error import error_meta, failure_of
from mcpmesh.codec.mcp_result import (
    Result,
    cannot_ask_json,
    failure_json,
    missing_capabilities,
    tool_result_json,
)
from mcpmesh.errors import MeshError, RemoteProtocolError, ToolNotFound
from mcpmesh.stack.mesh import Mesh
from mcpmesh.stack.origin import Origin
from mcpmesh.v1 import invoke_pb2, tool_pb2

#: What `error.type` says of a tool's own failure. Source: OpenTelemetry's MCP conventions.
TOOL_ERROR = "tool_error"


class Calls:
    """Calls through the mesh for clients, whatever is called."""

    def __init__(
        self,
        mesh: Mesh,
        sessions: Sessions,
        asks: Asks,
        tuning: Tuning,
        server_info: Mapping[str, str],
    ) -> None:
        self._mesh = mesh
        self._asks = asks
        self._sessions = sessions
        self._tuning = tuning
        self._server_info = server_info

    async def outcome(
        self, invoke: invoke_pb2.InvokeRequest, exchange: Exchange, params: Params
    ) -> invoke_pb2.InvokeResponse:
        """Call, and tell the client of what happens meanwhile if it wants to hear of it.

        What is asked back is asked of a legacy client that can be; else it is the outcome.
        Raises: MeshError, TooMuch, AskFailed.
        """
        origin = origin_of(exchange)
        if exchange.notify is None:
            outcome = await self._mesh.invoke(invoke, origin, None)
        else:
            outcome = await self._relayed(invoke, exchange, params, origin)
        if exchange.open is None or not outcome.HasField("input_required"):
            return outcome
        for _ in range(self._tuning.max_rounds):
            if not await self._answered(invoke, outcome.input_required, exchange):
                break
            if exchange.notify is None:
                outcome = await self._mesh.invoke(invoke, origin, None)
            else:
                outcome = await self._relayed(invoke, exchange, params, origin)
            if not outcome.HasField("input_required"):
                break
        return outcome

    async def _relayed(
        self,
        invoke: invoke_pb2.InvokeRequest,
        exchange: Exchange,
        params: Params,
        origin: Origin,
    ) -> invoke_pb2.InvokeResponse:
        relay = self._relay(params, exchange)
        return await relay.run(self._mesh.stream(invoke, origin, None))

    async def _answered(
        self, invoke: invoke_pb2.InvokeRequest, asked: tool_pb2.InputRequired, exchange: Exchange
    ) -> bool:
        """Ask the client and put its answers into the next call; False when it cannot be asked."""
        assert exchange.open is not None
        if missing_capabilities(asked, exchange.peer.capabilities):
            return False
        notify = await exchange.open(exchange)
        if notify is None:
            return False
        answers = await self._asks.ask(exchange.peer.scope, notify, asked.input_requests)
        invoke.input_responses.clear()
        for key, answer in answers.items():
            invoke.input_responses[key] = answer
        invoke.request_state = asked.request_state
        return True

    def _relay(self, params: Params, exchange: Exchange) -> Relay:
        assert exchange.notify is not None
        meta, peer = meta_of(params), exchange.peer
        level = log_level(meta, modern=peer.modern, of_session=self._sessions.level(peer.scope))
        tuning = self._tuning
        progress = ProgressNotes(
            meta.get("progressToken"),
            exchange.notify,
            tuning.progress_rate,
            tuning.progress_burst,
        )
        return Relay(progress, level, exchange.notify, tuning.max_gathered_bytes)

    def too_long(self, request: Request, exchange: Exchange, size: int, most: int) -> bytes:
        """Answer a call whose answer is not passed on: a result that a model can act on."""
        exchange.error_type = TOOL_ERROR
        text = too_long(str(request.params.get("name")), size, most)
        error = error_meta("OUT_OF_RANGE", False, 0)
        meta = self.meta(exchange)
        return result_bytes(request.id, failure_json(text, error, exchange.peer.version, meta))

    def meta(self, exchange: Exchange) -> dict[str, Any]:
        """Return the `_meta` of our own that an answer has."""
        assert exchange.observation is not None
        meta: dict[str, Any] = {mcp.OUR_CORRELATION_ID: exchange.observation.correlation_id}
        if exchange.peer.modern:
            meta[mcp.SERVER_INFO] = self._server_info
        return meta


class ToolsCall(Calls):
    """Calls tools for clients."""

    def __init__(
        self,
        mesh: Mesh,
        asking: Asking,
        sessions: Sessions,
        asks: Asks,
        tuning: Tuning,
        server_info: Mapping[str, str],
    ) -> None:
        super().__init__(mesh, sessions, asks, tuning, server_info)
        self._asking = asking

    async def __call__(self, request: Request, exchange: Exchange) -> bytes:
        """Answer one tools/call.

        Raises: RpcError or MeshError for what is not the model's to act on.
        """
        invoke = self._invoke_request(request.params, exchange)
        meta = self.meta(exchange)
        version = exchange.peer.version
        view = exchange.view
        try:
            if view is not None and not view.knows(invoke.tool):
                raise ToolNotFound(invoke.tool)
            if exchange.notify is None and exchange.open is None:  # most calls
                outcome = await self._mesh.invoke(invoke, origin_of(exchange), None)
            else:
                outcome = await self.outcome(invoke, exchange, request.params)
            result = self._result(invoke, outcome, exchange, meta)
        except ToolNotFound as error:
            patience = self._tuning.first_list_timeout
            raise await as_unknown(error, invoke.tool, view, self._mesh, patience) from error
        except MeshError as error:
            failure = failure_of(error)
            if failure is None:
                raise
            exchange.error_type = failure[1]["code"]
            result = failure_json(*failure, version, meta)
        except AskFailed as error:
            exchange.error_type = TOOL_ERROR
            failed = error_meta("FAILED_PRECONDITION", False, 0)
            result = failure_json(f"{invoke.tool}: {error}", failed, version, meta)
        except TooMuch as error:
            exchange.error_type = TOOL_ERROR
            text = f"{invoke.tool}: {error}; ask for less at once"
            result = failure_json(text, error_meta("OUT_OF_RANGE", False, 0), version, meta)
        try:
            return result_bytes(request.id, result)
        except TypeError as exc:  # deeper than can be written
            raise RemoteProtocolError(f"{invoke.tool}: the result cannot be written") from exc

    def _invoke_request(self, params: Params, exchange: Exchange) -> invoke_pb2.InvokeRequest:
        """Read the params.

        Raises: RpcError -32602 naming the one that is malformed.
        """
        tool = params.get("name")
        arguments = params.get("arguments")
        meta = params.get("_meta")
        check_params(tool, arguments, meta)
        try:
            invoke = invoke_pb2.InvokeRequest(
                tool=tool,
                arguments=orjson.dumps(arguments) if arguments else b"",
                meta=orjson.dumps(meta) if meta else b"",
            )
            if "inputResponses" in params or "requestState" in params:
                self._asking.add_answers(invoke, params, exchange.peer.principal)
        except TypeError as exc:  # orjson reads 1,024 levels and writes 254
            raise RpcError(INVALID_PARAMS, f"{tool}: the arguments nest too deep") from exc
        if meta and mcp.OUR_TOOL_VERSION in meta:
            invoke.version = asked_version(meta[mcp.OUR_TOOL_VERSION])
        return invoke

    def _result(
        self,
        invoke: invoke_pb2.InvokeRequest,
        outcome: invoke_pb2.InvokeResponse,
        exchange: Exchange,
        meta: Mapping[str, Any],
    ) -> Result:
        kind = outcome.WhichOneof("outcome")
        if kind == "result":
            if outcome.result.is_error:
                exchange.error_type = TOOL_ERROR
            return tool_result_json(outcome.result, exchange.peer.version, meta)
        if kind == "input_required":
            if exchange.peer.modern:
                return self._asking.asked(invoke, outcome.input_required, exchange, meta)
            exchange.error_type = TOOL_ERROR
            return cannot_ask_json(invoke.tool, outcome.input_required, exchange.peer.version, meta)
        raise RemoteProtocolError(f"{invoke.tool}: the answer holds no outcome")


def too_long(what: str, size: int, most: int) -> str:
    """Say that an answer is not passed on."""
    return (
        f"{what}: the answer has {size} bytes, more than {most} are not passed on; ask for less "
        "at once, or have the bridge pass on more with max_answer_bytes (--max-answer-bytes)"
    )


def origin_of(exchange: Exchange, *more: tuple[str, str]) -> Origin:
    """Return where a call comes from, for every hop after this one; `more` is its metadata."""
    observation = exchange.observation
    assert observation is not None
    peer = exchange.peer
    if peer.scope:
        more = ("mcp-session-id", peer.scope), *more
    # What is proven goes before what the client says of itself.
    if caller := peer.principal.name or peer.client:
        more = ("mcpmesh-caller", caller), *more
    baggage = exchange.links.baggage
    return Origin(observation.trace, observation.correlation_id, baggage, more, peer.principal)
