"""The bridge's methods, and how each request gets exactly one answer."""

import logging
import time
from asyncio import CancelledError
from collections.abc import Callable, Mapping
from importlib.metadata import version as installed_version
from random import Random
from secrets import token_urlsafe

from mcpmesh.bridge.asking import Asking
from mcpmesh.bridge.asks import Asks
from mcpmesh.bridge.changes import Changes
from mcpmesh.bridge.entries import Entries
from mcpmesh.bridge.exchange import Answer, Exchange, Handler, Links, Peer
from mcpmesh.bridge.handshake import Handshake
from mcpmesh.bridge.in_flight import InFlight
from mcpmesh.bridge.kept_streams import KeptStreams
from mcpmesh.bridge.list_methods import ListMethods
from mcpmesh.bridge.listening import LISTEN, Listening
from mcpmesh.bridge.lists import Listing, listings, modern_head
from mcpmesh.bridge.meta_tools import MetaTools
from mcpmesh.bridge.observer import CallObservation, NoObserver, Observer
from mcpmesh.bridge.peers import Peers
from mcpmesh.bridge.remote_streams import RemoteStreams
from mcpmesh.bridge.session import Sessions
from mcpmesh.bridge.session_methods import SessionMethods
from mcpmesh.bridge.shared_sessions import SharedSessions
from mcpmesh.bridge.signing import Signer
from mcpmesh.bridge.tools_call import ToolsCall, too_long
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.bridge.view import Views
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INTERNAL_ERROR,
    METHOD_NOT_FOUND,
    SHOWN,
    Notification,
    Request,
    Response,
    RpcError,
    error_bytes,
    readable_id,
)
from mcpmesh.codec.mcp_entry import Listed
from mcpmesh.codec.mcp_error import rpc_error_of
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.errors import OutOfRange
from mcpmesh.policy.access import Access
from mcpmesh.stack.mesh import Mesh

_log = logging.getLogger(__name__)


class Bridge:
    """The mesh as an MCP server, whatever carries the messages.

    `clock` gives seconds since the epoch, for what is signed and expires.
    """

    def __init__(
        self,
        mesh: Mesh,
        settings: BridgeSettings | None = None,
        *,
        tuning: Tuning | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.time,
        server_info: Mapping[str, str] | None = None,
        access: Access | None = None,
    ) -> None:
        self.mesh = mesh
        self.settings = settings or BridgeSettings()
        self.tuning = tuning or Tuning()
        #: Who may call what.
        self.access = access or Access()
        self._observer = observer or NoObserver(Random())
        info = dict(server_info or {"name": "mcpmesh", "version": installed_version("mcpmesh")})
        signer = self.signer = Signer(self.settings.session_key)
        #: By what name and version the bridge goes.
        self.info = info
        self.sessions = Sessions(signer, self.tuning.session_ttl, clock)
        settings = self.settings
        #: Names this bridge among those that share its key.
        self.name = token_urlsafe(9)
        self.streams = KeptStreams(
            self.name,
            signer,
            resume_within=settings.resume_within,
            max_bytes=settings.max_stream_bytes,
            max_total_bytes=settings.max_kept_bytes,
        )
        self._in_flight = InFlight()
        handshake = Handshake(info, self.sessions, self.tuning)
        asking = self.asking = Asking(signer, self.tuning.request_state_ttl, clock)
        self.asks = Asks(self.tuning.ask_timeout, self.name)
        self.listening = Listening(Changes(mesh), signer, self.name, info)
        # Who has a key of its own has no peers.
        self.peers = Peers(mesh.notes if settings.session_key else None, signer, self.name)
        self._shared = SharedSessions(
            self.peers,
            self.sessions,
            self.listening,
            self.streams,
            self.asks,
            self._in_flight,
            self.tuning.session_ttl,
        )
        self.elsewhere = RemoteStreams(self.peers, self.streams, self.settings.heartbeat)
        call = self._call = ToolsCall(mesh, asking, self.sessions, self.asks, self.tuning, info)
        entries = Entries(mesh, call, asking, self.tuning)
        #: What is there for whom.
        self.views = Views(settings, self.access)
        lists = self._lists()
        find = lists[True]["tools"].entries.find
        self._meta_tools = MetaTools(mesh, call, self.tuning, find, settings.description_tokens)
        self._methods = self._handlers(handshake, entries, lists)

    def _lists(self) -> dict[bool, dict[Listed, Listing]]:
        """Return the lists of both eras, the modern first."""
        tuning, tokens = self.tuning, self.settings.description_tokens
        head = modern_head(tuning.list_ttl_ms, self.info, public=self.access.is_open)
        return {
            modern: listings(
                tuning.page_size, head if modern else {}, modern=modern, description_tokens=tokens
            )
            for modern in (True, False)
        }

    def _handlers(
        self,
        handshake: Handshake,
        entries: Entries,
        lists: Mapping[bool, Mapping[Listed, Listing]],
    ) -> dict[bool, dict[str, Handler]]:
        """Return what answers each method of both eras."""
        patience = self.tuning.first_list_timeout
        both: dict[str, Handler] = {
            "tools/call": self._call,
            "prompts/get": entries.get_prompt,
            "resources/read": entries.read_resource,
            "completion/complete": entries.complete,
        }
        return {
            True: {
                **both,
                **ListMethods(self.mesh, lists[True], patience).handlers(),
                "server/discover": handshake.discover,
                LISTEN: self.listening.listen,
            },
            False: {
                **both,
                **ListMethods(self.mesh, lists[False], patience).handlers(),
                **SessionMethods(self._shared, entries).handlers(),
                "initialize": handshake.initialize,
            },
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._in_flight)} cancellable requests in flight)"

    def observe(self, tool: str, links: Links) -> CallObservation:
        """Begin to watch a call over plain HTTP."""
        return self._observer.start(
            "tools/call",
            tool,
            links.parent,
            links.correlation_id,
            version="",
            request_id=None,
            transport="http",
        )

    async def answer(self, request: Request, exchange: Exchange) -> Answer | None:
        """Answer a request; None when its client cancelled it by name.

        Raises: nothing but CancelledError: every failure is an answer.
        """
        peer, links = exchange.peer, exchange.links
        name = request.params.get("name") if request.method == "tools/call" else ""
        observation = exchange.observation = self._observer.start(
            request.method,
            name if type(name) is str else "",
            links.parent,
            links.correlation_id,
            version=peer.version,
            request_id=request.id,
            transport=peer.transport,
        )
        status = 200
        try:
            body = await self._body(request, exchange)
            if body is not None and len(body) > self.settings.max_answer_bytes:
                body = self._too_long(request, exchange, body)
        except CancelledError:
            observation.end("cancelled")
            raise
        except Exception as exc:
            body, status = self._failed(request, exchange, exc)
        observation.end(exchange.error_type if body is not None else "cancelled")
        if body is None:
            return None
        return Answer(body, status, observation.correlation_id, exchange.session)

    def _too_long(self, request: Request, exchange: Exchange, body: bytes) -> bytes:
        """Answer something shorter, unless it is a list: those are the mesh's own.

        Raises: OutOfRange.
        """
        size, most = len(body), self.settings.max_answer_bytes
        if request.method == "tools/call":
            return self._call.too_long(request, exchange, size, most)
        if request.method in ("prompts/get", "resources/read", "completion/complete"):
            raise OutOfRange(too_long(request.method, size, most))
        return body

    def _failed(self, request: Request, exchange: Exchange, exc: Exception) -> tuple[bytes, int]:
        """Write an error, and return its HTTP status.

        Apart, because an error in a variable of a frame in its own traceback is a cycle.
        """
        error = rpc_error_of(exc)
        if error.code == INTERNAL_ERROR:
            assert exchange.observation is not None
            trace = exchange.observation.trace
            ids = {
                "correlation_id": exchange.observation.correlation_id,
                "trace_id": trace.trace_id,
                "span_id": trace.span_id,
            }
            name = request.params.get("name")
            _log.error("%s %s: %r", request.method, name, exc, exc_info=exc, extra=ids)
        exchange.error_type = str(error.code)
        status = mcp.http_status(error.code, modern=exchange.peer.modern)
        return error_bytes(error, request.id), status

    async def _body(self, request: Request, exchange: Exchange) -> bytes | None:
        peer = exchange.peer
        handler = self._methods[peer.modern].get(request.method)
        if handler is None:
            raise RpcError(METHOD_NOT_FOUND, f"unknown method {request.method[:SHOWN]!r}")
        view = exchange.view
        if view is not None and view.compact and request.method == "tools/call":
            handler = self._meta_tools
        if not peer.scope:
            return await handler(request, exchange)
        self._in_flight.check_free(peer.scope, request.id)
        work = handler(request, exchange)
        return await self._in_flight.run(peer.scope, request.id, work, exchange.interrupt)

    async def notified(self, notification: Notification, peer: Peer) -> None:
        """Take a notification; one that says nothing to us is ignored.

        Raises: MeshError when it is for another bridge that cannot be reached.
        """
        if notification.method == "notifications/cancelled" and peer.scope:
            request_id = readable_id(notification.params.get("requestId"))
            if request_id is not None:
                await self._shared.cancel(peer.scope, request_id)

    async def responded(self, response: Response, peer: Peer) -> None:
        """Take a legacy client's answer to a request of ours.

        Raises: MeshError when it is for another bridge that cannot be reached.
        """
        if peer.scope:
            await self._shared.answered(peer.scope, response)

    async def end_session(self, session_id: str) -> None:
        """Refuse a legacy session from now on, and forget what it said."""
        await self._shared.end(session_id)

    def forget(self, scope: str) -> None:
        """Forget what a client said whose connection is gone, and its session with it."""
        self.listening.forget(scope)
        self.sessions.forget(scope)
