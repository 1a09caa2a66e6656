"""Clients that hear of changes: subscriptions/listen, and the streams of legacy sessions."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import orjson

from mcpmesh.bridge.changes import Changes, Watcher
from mcpmesh.bridge.exchange import Exchange, Notify
from mcpmesh.bridge.signing import Signer
from mcpmesh.bridge.view import View
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    Request,
    RpcError,
    notification_bytes,
    result_bytes,
)
from mcpmesh.codec.mcp_entry import LISTED, Listed
from mcpmesh.model.tool import RESOURCE

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
_PURPOSE = b"lists "
#: How each list was: `Changes.digests`.
Since = Mapping[str, str]
#: Sends a message with the id of its event.
Tell = Callable[[bytes, str], Awaitable[None]]
_UPDATED = "notifications/resources/updated"


class Listening:
    """Tells clients of changes, and remembers what legacy sessions subscribed to.

    The id of an event on a session's stream says how the lists were then, so that any bridge can
    tell a client that comes back what it missed. `name` is this bridge's.
    """

    def __init__(
        self, changes: Changes, signer: Signer, name: str, server_info: Mapping[str, str]
    ) -> None:
        self._changes = changes
        self._signer = signer
        self._name = name
        self._count = 0
        self._following: dict[str, list[Watcher]] = {}
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
        view = exchange.view
        if view is not None:
            uris = [uri for uri in uris if view.knows(RESOURCE + uri)]
        if uris:
            honoured["resourceSubscriptions"] = uris
        tag = {"_meta": {mcp.SUBSCRIPTION_ID: request.id}}
        methods = {_FILTERS[key] for key in honoured if key in _FILTERS}
        with self._changes.watch(view) as watcher:
            acknowledged = {"notifications": honoured, **tag}
            await exchange.notify(
                notification_bytes("notifications/subscriptions/acknowledged", acknowledged)
            )
            while (news := await watcher.next()) is not None:
                await _tell(exchange.notify, *news, methods, set(uris), tag)
        over = {"requestId": request.id, "reason": "the server goes down", **tag}
        await exchange.notify(notification_bytes("notifications/cancelled", over))
        meta = {mcp.SUBSCRIPTION_ID: request.id, mcp.SERVER_INFO: self._server_info}
        return result_bytes(request.id, {"resultType": "complete", "_meta": meta})

    async def follow(
        self, scope: str, tell: Tell, view: View | None, since: Since | None = None
    ) -> None:
        """Tell a legacy session of changes of its view until it is cancelled, or the bridge ends.

        Of several streams of a session only the newest is told: no message may come twice. A client
        that comes back says `since` when, and is told which lists are others now.
        """
        streams = self._following.setdefault(scope, [])
        with self._changes.watch(view) as watcher:
            streams.append(watcher)
            try:
                now = self._changes.digests(view)
                known = now if since is None else since
                watcher.tell({each for each in LISTED if known[each] != now[each]}, set())
                while (news := await watcher.next()) is not None:
                    if streams[-1] is watcher:
                        now = self._changes.digests(view)
                        known = await self._tell_session(scope, tell, *news, known, now)
            finally:
                streams.remove(watcher)
                if not streams:
                    self._following.pop(scope, None)

    async def _tell_session(
        self, scope: str, tell: Tell, lists: set[Listed], uris: set[str], known: Since, now: Since
    ) -> Since:
        """Tell of changes; return how the lists are that the client knows of now."""
        for method in sorted({_METHODS[listed] for listed in lists}):
            told: dict[str, str] = {each: now[each] for each in LISTED if _METHODS[each] == method}
            known = {**known, **told}
            await tell(notification_bytes(method, {}), self._event_id(scope, known))
        for uri in sorted(self._subscribed.get(scope, set()) & uris):
            told_uri = notification_bytes(_UPDATED, {"uri": uri})
            await tell(told_uri, self._event_id(scope, known))
        return known

    def now(self, scope: str, view: View | None) -> str:
        """Return the id of an event that says how the lists of a view are now."""
        with self._changes.watch(view):
            return self._event_id(scope, self._changes.digests(view))

    def read_id(self, scope: str, text: str) -> Since | None:
        """Return what an event's id says of the lists; None for another kind of id."""
        payload = self._signer.open(_PURPOSE + scope.encode(), text)
        return (
            None if payload is None else dict(zip(LISTED, orjson.loads(payload)[1:], strict=True))
        )

    def _event_id(self, scope: str, digests: Since) -> str:
        self._count += 1
        name = f"{self._name}.{self._count}"
        payload = orjson.dumps([name, *(digests[each] for each in LISTED)])
        return self._signer.sign(_PURPOSE + scope.encode(), payload)

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
