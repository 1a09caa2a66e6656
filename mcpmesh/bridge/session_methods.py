"""What a legacy client sets for its session: the log level, and subscriptions to resources."""

from mcpmesh.bridge.entries import Entries
from mcpmesh.bridge.exchange import Exchange, Handler
from mcpmesh.bridge.shared_sessions import SharedSessions
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, Request, RpcError, result_bytes


class SessionMethods:
    """Answers the methods of sessions; where there is no session, they change nothing."""

    def __init__(self, shared: SharedSessions, entries: Entries) -> None:
        self._shared = shared
        self._entries = entries

    def handlers(self) -> dict[str, Handler]:
        """Return what answers each method."""
        return {
            "ping": self._ping,
            "logging/setLevel": self._set_level,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._unsubscribe,
        }

    async def _ping(self, request: Request, _exchange: Exchange) -> bytes:
        return result_bytes(request.id, {})

    async def _set_level(self, request: Request, exchange: Exchange) -> bytes:
        level = request.params.get("level")
        if level not in mcp.LOG_LEVELS:
            raise RpcError(INVALID_PARAMS, f'"level" is not one of {", ".join(mcp.LOG_LEVELS)}')
        if exchange.peer.scope:
            await self._shared.set_level(exchange.peer.scope, level)
        return result_bytes(request.id, {})

    async def _subscribe(self, request: Request, exchange: Exchange) -> bytes:
        uri = _uri(request)
        await self._entries.check_resource(uri, exchange)
        if exchange.peer.scope:
            await self._shared.subscribe(exchange.peer.scope, uri, wanted=True)
        return result_bytes(request.id, {})

    async def _unsubscribe(self, request: Request, exchange: Exchange) -> bytes:
        if exchange.peer.scope:
            await self._shared.subscribe(exchange.peer.scope, _uri(request), wanted=False)
        return result_bytes(request.id, {})


def _uri(request: Request) -> str:
    uri = request.params.get("uri")
    if type(uri) is not str:
        raise RpcError(INVALID_PARAMS, '"uri" is missing, or is not a string')
    return uri
