"""tools/call: the hot path, JSON to one InvokeRequest and its outcome back to JSON.

Written by hand, without a model of the messages: a validating model costs more than the rest.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mcpmesh.bridge.call_params import asked_version, check_params
from mcpmesh.bridge.exchange import Exchange
from mcpmesh.bridge.request_state import opened_state, sealed_state
from mcpmesh.bridge.session import Sessions
from mcpmesh.bridge.signing import Signer
from mcpmesh.bridge.stream import Relay, TooMuch, log_level
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, Params, Request, RpcError, result_bytes
from mcpmesh.codec.mcp_error import error_meta, failure_of
from mcpmesh.codec.mcp_result import (
    Result,
    cannot_ask_json,
    failure_json,
    input_required_json,
    missing_capabilities,
    tool_result_json,
)
from mcpmesh.errors import MeshError, RemoteProtocolError
from mcpmesh.stack.mesh import Mesh
from mcpmesh.telemetry.baggage import baggage_with_correlation
from mcpmesh.v1 import invoke_pb2, tool_pb2

#: What `error.type` says of a tool's own failure. Source: OpenTelemetry's MCP conventions.
TOOL_ERROR = "tool_error"


class ToolsCall:
    """Calls tools for clients."""

    def __init__(
        self,
        mesh: Mesh,
        signer: Signer,
        sessions: Sessions,
        tuning: Tuning,
        server_info: Mapping[str, str],
        clock: Callable[[], float],
    ) -> None:
        self._mesh = mesh
        self._signer = signer
        self._sessions = sessions
        self._tuning = tuning
        self._server_info = server_info
        self._clock = clock

    async def __call__(self, request: Request, exchange: Exchange) -> bytes:
        """Answer one tools/call.

        Raises: RpcError or MeshError for what is not the model's to act on.
        """
        invoke = self._invoke_request(request.params)
        metadata = metadata_of(exchange)
        meta = self._meta(exchange)
        version = exchange.peer.version
        try:
            if exchange.notify is None:
                outcome = await self._mesh.invoke(invoke, metadata, None)
            else:
                relay = self._relay(request.params, exchange)
                outcome = await relay.run(self._mesh.stream(invoke, metadata, None))
            result = self._result(invoke.tool, outcome, exchange, meta)
        except MeshError as error:
            failure = failure_of(error)
            if failure is None:
                raise
            exchange.error_type = failure[1]["code"]
            result = failure_json(*failure, version, meta)
        except TooMuch as error:
            exchange.error_type = TOOL_ERROR
            text = f"{invoke.tool}: {error}; ask for less at once"
            result = failure_json(text, error_meta("OUT_OF_RANGE", False, 0), version, meta)
        try:
            return result_bytes(request.id, result)
        except TypeError as exc:  # deeper than can be written
            raise RemoteProtocolError(f"{invoke.tool}: the result cannot be written") from exc

    def _invoke_request(self, params: Params) -> invoke_pb2.InvokeRequest:
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
                self._add_answers(invoke, params)
        except TypeError as exc:  # orjson reads 1,024 levels and writes 254
            raise RpcError(INVALID_PARAMS, f"{tool}: the arguments nest too deep") from exc
        if meta and mcp.OUR_TOOL_VERSION in meta:
            invoke.version = asked_version(meta[mcp.OUR_TOOL_VERSION])
        return invoke

    def _add_answers(self, invoke: invoke_pb2.InvokeRequest, params: Params) -> None:
        """Add what the client answers to a tool that asked back."""
        responses = params.get("inputResponses")
        if responses is None:
            responses = {}
        if type(responses) is not dict:
            raise RpcError(INVALID_PARAMS, '"inputResponses" is not an object')
        for key, response in responses.items():
            invoke.input_responses[key] = orjson.dumps(response)
        state = params.get("requestState")
        if state is None:
            return
        if type(state) is not str:
            raise RpcError(INVALID_PARAMS, '"requestState" is not a string')
        invoke.request_state = opened_state(self._signer, invoke.tool, state, self._clock())

    def _relay(self, params: Params, exchange: Exchange) -> Relay:
        assert exchange.notify is not None
        meta, peer = params["_meta"], exchange.peer
        level = log_level(meta, modern=peer.modern, of_session=self._sessions.level(peer.scope))
        return Relay(
            meta.get("progressToken"), level, exchange.notify, self._tuning.max_gathered_bytes
        )

    def _meta(self, exchange: Exchange) -> dict[str, Any]:
        assert exchange.observation is not None
        meta: dict[str, Any] = {mcp.OUR_CORRELATION_ID: exchange.observation.correlation_id}
        if exchange.peer.modern:
            meta[mcp.SERVER_INFO] = self._server_info
        return meta

    def _result(
        self,
        tool: str,
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
            return self._asked(tool, outcome.input_required, exchange, meta)
        raise RemoteProtocolError(f"{tool}: the answer holds no outcome")

    def _asked(
        self,
        tool: str,
        asked: tool_pb2.InputRequired,
        exchange: Exchange,
        meta: Mapping[str, Any],
    ) -> Result:
        """Pass on what the tool asks.

        Raises: RpcError -32021 when the client did not declare that it can be asked this.
        """
        peer = exchange.peer
        if not peer.modern:
            exchange.error_type = TOOL_ERROR
            return cannot_ask_json(tool, asked, peer.version, meta)
        if missing := missing_capabilities(asked, peer.capabilities):
            raise RpcError(
                mcp.MISSING_CLIENT_CAPABILITY,
                f"{tool} asks back, which needs the client capability {', '.join(missing)}",
                {"requiredCapabilities": missing},
            )
        expires = self._clock() + self._tuning.request_state_ttl
        state = sealed_state(self._signer, tool, asked.request_state, expires)
        return input_required_json(asked, state, meta)


def metadata_of(exchange: Exchange) -> list[tuple[str, str]]:
    """Return the gRPC metadata of a call: where it comes from, for every hop after this one."""
    observation = exchange.observation
    assert observation is not None
    trace = observation.trace
    metadata = [
        ("traceparent", trace.traceparent()),
        ("x-correlation-id", observation.correlation_id),
    ]
    if trace.state:
        metadata.append(("tracestate", trace.state))
    baggage = baggage_with_correlation(exchange.links.baggage, observation.correlation_id)
    metadata.append(("baggage", baggage))
    if exchange.peer.scope:
        metadata.append(("mcp-session-id", exchange.peer.scope))
    if exchange.peer.client:
        metadata.append(("mcpmesh-caller", exchange.peer.client))
    return metadata
