"""Clients that hear of changes: subscriptions/listen, and the streams of legacy sessions."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from mcpmesh.bridge.changes import Changes
from mcpmesh.bridge.exchange import Exchange, Notify
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    Request,
    RpcError,
    notification_bytes,
    result_bytes,
)
from mcpmesh.codec.mcp_entry import Listed

LISTEN = "subscriptions/listen"
MAX_URIS = 1000
MAX_SESSIONS = 10_000
_METHODS: Mapping[Listed, str] = {
    "tools": "notifications/tools/list_changed",
    "prompts": "notifications/prompts/list_changed",
    "resources": "notifications/resources/list_changed",
    "resourceTemplates": "notifications/resources/list_changed",
}
#: What each member of the filter of a subscription stands for.
_FILTERS: Mapping[str, str] = {
    "toolsListChanged": _METHODS["tools"],
    "promptsListChanged": _METHODS["prompts"],
    "resourcesListChanged": _METHODS["resources"],
}
_UPDATED = "notifications/resources/updated"


class Listening:
    """Tells clients of changes, and remembers what legacy sessions subscribed to.

    A session's subscriptions live in this process only, as its stream does.
    """

    def __init__(self, changes: Changes, server_info: Mapping[str, str]) -> None:
        self._changes = changes
        self._server_info = server_info
        self._subscribed: OrderedDict[str, set[str]] = OrderedDict()

    async def listen(self, request: Request, exchange: Exchange) -> bytes:
        """Answer subscriptions/listen: first what is told, then changes, at the end the result.

        Raises: RpcError.
        """
        if exchange.notify is None:
            raise RpcError(INVALID_REQUEST, f"{LISTEN} answers with text/event-stream; accept it")
        wanted = request.params.get("notifications")
        if type(wanted) is not dict:
            raise RpcError(INVALID_PARAMS, '"notifications" is not an object')
        uris = wanted.get("resourceSubscriptions", [])
        if type(uris) is not list or len(uris) > MAX_URIS or any(type(u) is not str for u in uris):
            raise RpcError(
                INVALID_PARAMS, f'"resourceSubscriptions" is not a list of at most {MAX_URIS} URIs'
            )
        honoured: dict[str, Any] = {key: True for key in _FILTERS if wanted.get(key) is True}
        if uris:
            honoured["resourceSubscriptions"] = uris
        tag = {"_meta": {mcp.SUBSCRIPTION_ID: request.id}}
        methods = {_FILTERS[key] for key in honoured if key in _FILTERS}
        with self._changes.watch() as watcher:
            acknowledged = {"notifications": honoured, **tag}
            await exchange.notify(
                notification_bytes("notifications/subscriptions/acknowledged", acknowledged)
            )
            while (news := await watcher.next()) is not None:
                await _tell(exchange.notify, *news, methods, set(uris), tag)
        meta = {mcp.SUBSCRIPTION_ID: request.id, mcp.SERVER_INFO: self._server_info}
        return result_bytes(request.id, {"resultType": "complete", "_meta": meta})

    async def follow(self, scope: str, notify: Notify) -> None:
        """Tell a legacy session of changes until it is cancelled, or the bridge goes down."""
        methods = set(_METHODS.values())
        with self._changes.watch() as watcher:
            while (news := await watcher.next()) is not None:
                await _tell(notify, *news, methods, self._subscribed.get(scope, set()), {})

    def subscribe(self, scope: str, uri: str) -> None:
        """Tell a legacy session of changes of a resource.

        Raises: RpcError for one too many.
        """
        uris = self._subscribed.setdefault(scope, set())
        if len(uris) >= MAX_URIS and uri not in uris:
            raise RpcError(INVALID_PARAMS, f"at most {MAX_URIS} resources can be subscribed to")
        uris.add(uri)
        self._subscribed.move_to_end(scope)
        if len(self._subscribed) > MAX_SESSIONS:
            self._subscribed.popitem(last=False)

    def unsubscribe(self, scope: str, uri: str) -> None:
        """Tell a legacy session no more of a resource."""
        uris = self._subscribed.get(scope, set())
        uris.discard(uri)
        if not uris:
            self._subscribed.pop(scope, None)

    def forget(self, scope: str) -> None:
        """Drop what a session that ended subscribed to."""
        self._subscribed.pop(scope, None)

    def end(self) -> None:
        """End all streams: the bridge goes down."""
        self._changes.end()


async def _tell(
    notify: Notify,
    lists: Iterable[Listed],
    uris: Iterable[str],
    methods: set[str],
    subscribed: set[str],
    tag: Mapping[str, Any],
) -> None:
    """Send what a client wants to hear of."""
    for method in sorted({_METHODS[listed] for listed in lists} & methods):
        await notify(notification_bytes(method, tag))
    for uri in sorted(subscribed & set(uris)):
        await notify(notification_bytes(_UPDATED, {"uri": uri, **tag}))
