"""What a tool asks back: to the client, and its answers to the tool."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mcpmesh.bridge.exchange import Exchange
from mcpmesh.bridge.request_state import opened_state, sealed_state
from mcpmesh.bridge.signing import Signer
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, Params, RpcError
from mcpmesh.codec.mcp_result import Result, input_required_json, missing_capabilities
from mcpmesh.model.principal import Principal
from mcpmesh.v1 import invoke_pb2, tool_pb2


class Asking:
    """Reads answers from the params of a call, and writes what is asked as a result.

    Units: `ttl` in seconds, how long a question may be answered.
    """

    def __init__(self, signer: Signer, ttl: float, clock: Callable[[], float]) -> None:
        self._signer = signer
        self._ttl = ttl
        self._clock = clock

    def add_answers(
        self, invoke: invoke_pb2.InvokeRequest, params: Params, principal: Principal
    ) -> None:
        """Add what the client answers to a tool that asked back, if it was the one asked.

        Raises: RpcError -32602.
        """
        responses = params.get("inputResponses")
        if responses is None:
            responses = {}
        if type(responses) is not dict:
            raise RpcError(INVALID_PARAMS, '"inputResponses" is not an object')
        for key, response in responses.items():
            if type(response) is not dict:
                raise RpcError(INVALID_PARAMS, f'"inputResponses": {key[:80]!r} is not an object')
            invoke.input_responses[key] = orjson.dumps(response)
        state = params.get("requestState")
        if state is None:
            return
        if type(state) is not str:
            raise RpcError(INVALID_PARAMS, '"requestState" is not a string')
        invoke.request_state = opened_state(
            self._signer, invoke.tool, invoke.arguments, state, self._clock(), principal
        )

    def asked(
        self,
        invoke: invoke_pb2.InvokeRequest,
        asked: tool_pb2.InputRequired,
        exchange: Exchange,
        meta: Mapping[str, Any],
    ) -> Result:
        """Return the result that asks a modern client.

        Raises: RpcError -32021 when the client did not declare that it can be asked this.
        """
        if missing := missing_capabilities(asked, exchange.peer.capabilities):
            raise RpcError(
                mcp.MISSING_CLIENT_CAPABILITY,
                f"{invoke.tool} asks back, which needs the client capability {', '.join(missing)}",
                {"requiredCapabilities": missing},
            )
        return input_required_json(asked, self.state(invoke, asked, exchange.peer.principal), meta)

    def state(
        self,
        invoke: invoke_pb2.InvokeRequest,
        asked: tool_pb2.InputRequired,
        principal: Principal,
    ) -> str:
        """Return the tool's state as a text that comes back with the answers."""
        expires = self._clock() + self._ttl
        return sealed_state(
            self._signer, invoke.tool, invoke.arguments, asked.request_state, expires, principal
        )
