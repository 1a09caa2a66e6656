"""How a client and the bridge get to know each other: initialize, or server/discover."""

from collections.abc import Mapping
from typing import Any

from mcpmesh.bridge.exchange import Exchange, client_name
from mcpmesh.bridge.meta_entries import INSTRUCTIONS
from mcpmesh.bridge.session import Sessions
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, Request, RpcError, result_bytes

CAPABILITIES: Mapping[str, Any] = {
    "tools": {"listChanged": True},
    "prompts": {"listChanged": True},
    "resources": {"listChanged": True, "subscribe": True},
    "completions": {},
    "logging": {},
}


class Handshake:
    """Answers initialize (legacy) and server/discover (modern)."""

    def __init__(self, server_info: Mapping[str, str], sessions: Sessions, tuning: Tuning) -> None:
        self._server_info = server_info
        self._sessions = sessions
        self._tuning = tuning

    async def initialize(self, request: Request, exchange: Exchange) -> bytes:
        """Settle a legacy session's revision; over HTTP, issue its id."""
        params = request.params
        asked = params.get("protocolVersion")
        if not isinstance(asked, str):
            raise RpcError(INVALID_PARAMS, '"protocolVersion" is not a string')
        capabilities = params.get("capabilities")
        peer = exchange.peer
        peer.version = negotiated(asked)
        peer.client = client_name(params.get("clientInfo"))
        peer.capabilities = capabilities if isinstance(capabilities, dict) else {}
        if peer.transport == "http":
            exchange.session = self._sessions.issue(
                peer.version, peer.client, peer.capabilities, peer.principal
            )
        result: dict[str, Any] = {
            "protocolVersion": peer.version,
            "capabilities": CAPABILITIES,
            "serverInfo": self._server_info,
        }
        self._instruct(result, exchange)
        return result_bytes(request.id, result)

    async def discover(self, request: Request, exchange: Exchange) -> bytes:
        """Tell a modern client what this server is."""
        result: dict[str, Any] = {
            "resultType": "complete",
            "supportedVersions": list(mcp.MODERN),
            "capabilities": CAPABILITIES,
            "ttlMs": self._tuning.list_ttl_ms,
            "cacheScope": "public",
            "_meta": {mcp.SERVER_INFO: self._server_info},
        }
        self._instruct(result, exchange)
        return result_bytes(request.id, result)

    def _instruct(self, result: dict[str, Any], exchange: Exchange) -> None:
        texts = [self._tuning.instructions]
        if exchange.view is not None and exchange.view.compact:
            texts.append(INSTRUCTIONS)
        if told := "\n".join(text for text in texts if text):
            result["instructions"] = told


def negotiated(asked: str) -> str:
    """Return the revision to speak with a legacy client that asked for one."""
    return asked if asked in mcp.LEGACY else mcp.NEWEST_LEGACY
