"""MCP of both eras over HTTP: what is posted to /mcp, and the streams that clients ask for."""

from functools import partial
from typing import Any

from mcpmesh.bridge.batch import batch_answers, check_batch
from mcpmesh.bridge.carrying import LAST_EVENT_HEADER, POLLING_SINCE, Carrying
from mcpmesh.bridge.depth import check_depth
from mcpmesh.bridge.door import Door
from mcpmesh.bridge.echo import correlation_header, echo_of
from mcpmesh.bridge.exchange import Answer, Exchange, Peer, meta_of
from mcpmesh.bridge.http_gate import check_types, takes_events
from mcpmesh.bridge.http_head import answer_of
from mcpmesh.bridge.http_house import Cancel, Stream
from mcpmesh.bridge.http_message import (
    JSON,
    Header,
    Headers,
    HttpAnswer,
    HttpRefusal,
    HttpRequest,
    RequestHead,
)
from mcpmesh.bridge.in_task import in_task
from mcpmesh.bridge.links import links_of
from mcpmesh.bridge.listening import Since
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.param_headers import ParamHeaders
from mcpmesh.bridge.peer import (
    SESSION_HEADER,
    SessionGone,
    check_headers,
    check_version,
    is_modern,
    known_session,
    legacy_peer,
    modern_peer,
    session_gone,
)
from mcpmesh.bridge.session import Session
from mcpmesh.bridge.sse import EventStream, primer
from mcpmesh.bridge.stream import wants_stream
from mcpmesh.bridge.view import View
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INVALID_REQUEST,
    Notification,
    Request,
    Response,
    RpcError,
    decode,
    error_bytes,
    message_of,
)
from mcpmesh.errors import MeshError
from mcpmesh.model.principal import Principal

_ALLOW_POST: Header = (b"allow", b"POST")
_ONLY_POST = b'{"error":"MCP is served to POST with a JSON-RPC body"}'
#: What needs no answer was taken.
_TAKEN = HttpAnswer(202, headers=())


class McpEndpoint:
    """Serves a bridge at one path, to who comes in by the door."""

    def __init__(self, bridge: Bridge, door: Door) -> None:
        self._bridge = bridge
        self._door = door
        self._settings = bridge.settings
        self._tuning = bridge.tuning
        self._params = ParamHeaders(bridge.mesh)
        #: Has answers that are long in coming become streams.
        self.carrying = Carrying(bridge)

    async def __call__(self, request: HttpRequest, stream: Stream) -> HttpAnswer | None:
        """Answer one HTTP request."""
        head = request.head
        try:
            if head.seen is not self:
                self._look_at(head)
            if head.method == b"POST":
                return await self._post(request, stream)
            return await self._other(head, stream)
        except (HttpRefusal, SessionGone, RpcError) as error:
            return refused_mcp(error, head.headers)

    def _look_at(self, head: RequestHead) -> None:
        """See that a head is one that we serve; one that was seen is not looked at again.

        Raises: HttpRefusal 421, 403, 415, 406.
        """
        self._door.check(head.headers)
        if head.method == b"POST":
            check_types(head.headers)
        head.seen = self

    async def _other(self, head: RequestHead, stream: Stream) -> HttpAnswer | None:
        """Answer what is no POST: DELETE ends a legacy session, GET listens to one.

        Raises: SessionGone.
        """
        headers = head.headers
        sessions = self._bridge.sessions
        if head.method == b"DELETE" and SESSION_HEADER in headers:
            session = known_session(headers[SESSION_HEADER], sessions, stream.principal)
            await self._bridge.end_session(session.id)
            return HttpAnswer(200, headers=())
        if head.method == b"GET" and SESSION_HEADER in headers:
            session = known_session(headers[SESSION_HEADER], sessions, stream.principal)
            if not takes_events(headers):
                raise HttpRefusal(406, "accept does not name text/event-stream")
            last = headers.get(LAST_EVENT_HEADER)
            listening = self._bridge.listening
            since = None if last is None else listening.read_id(session.id, last.decode("latin-1"))
            if last is not None and since is None:
                await self.carrying.resume(session, head, stream)
            else:
                view = self._view(head, stream.principal)
                await in_task(self._follow(session, view, since, stream, headers))
            return None
        return HttpAnswer(405, _ONLY_POST, (JSON, *echo_of(headers), _ALLOW_POST))

    async def _post(self, posted: HttpRequest, stream: Stream) -> HttpAnswer | None:
        """Answer what a client posted.

        Raises: HttpRefusal, SessionGone, and RpcError for what is no request that an answer
        could name.
        """
        headers = posted.head.headers
        value = decode(posted.body)
        check_depth(posted.body, value, self._settings.max_depth)
        if type(value) is list:
            return await self._batch(value, posted.head, stream.principal)
        message = message_of(value)
        if not isinstance(message, Request):
            try:
                await self._take(message, headers, stream.principal)
            except MeshError as error:
                raise _away(error) from error
            return _TAKEN
        view = self._view(posted.head, stream.principal)
        try:
            peer = self._peer(message, posted.head, stream.principal, view)
        except RpcError as error:
            error.request_id = message.id
            raise
        meta = meta_of(message.params)
        links = links_of(headers, meta, header_wins=self._tuning.header_trace_wins)
        exchange = Exchange(peer, links, stream.cancel)
        exchange.view = view
        wanted = wants_stream(message, peer, self._bridge.sessions) and takes_events(headers)
        if wanted and not peer.scope:
            return await in_task(self._streamed(message, exchange, stream))
        posted.exchange = exchange
        if peer.scope and message.method in mcp.NAMED:
            exchange.open = partial(self.carrying.open, message, posted, stream)
        if wanted:
            exchange.notify = partial(self.carrying.notify, message, posted, stream)
            answer = await in_task(self._bridge.answer(message, exchange))
        else:
            answer = await self._bridge.answer(message, exchange)
        if exchange.kept is None:
            return _plain(answer)
        exchange.kept.finish(answer.body if answer else None)
        return None

    def _peer(
        self, request: Request, head: RequestHead, principal: Principal, view: View | None
    ) -> Peer:
        headers, params = head.headers, request.params
        if not is_modern(request.method, params, headers):
            sessions = self._bridge.sessions
            return legacy_peer(request.method, params, headers, sessions, principal)
        peer = modern_peer(params, principal)
        check_headers(request, peer, headers, head.twice)
        check_version(peer.version)
        if not self._params.idle and request.method == "tools/call":
            name = params.get("name")
            # What is not there for a client has no parameters to tell it of.
            if view is None or (type(name) is str and view.knows(name)):
                self._params.check(params, headers, head.twice)
        return peer

    async def _take(
        self, message: Notification | Response, headers: Headers, principal: Principal
    ) -> None:
        """Take what wants no answer. A modern client has nothing to tell over HTTP.

        Raises: RpcError for a modern client's response, or an unknown version.
        """
        params = message.params if isinstance(message, Notification) else {}
        method = message.method if isinstance(message, Notification) else ""
        if is_modern(method, params, headers):
            if isinstance(message, Response):
                raise RpcError(INVALID_REQUEST, "a client must not send responses")
            return
        peer = legacy_peer(method, params, headers, self._bridge.sessions, principal)
        if isinstance(message, Notification):
            await self._bridge.notified(message, peer)
        else:
            await self._bridge.responded(message, peer)

    async def _follow(
        self,
        session: Session,
        view: View | None,
        since: Since | None,
        stream: Stream,
        headers: Headers,
    ) -> None:
        """Tell a legacy session of changes of its view for as long as its client listens."""
        listening = self._bridge.listening
        first = b""
        if session.version >= POLLING_SINCE and since is None:
            first = primer(listening.now(session.id, view), self._tuning.retry_ms)
        echo = echo_of(headers)
        async with EventStream(stream, self._settings.heartbeat, echo, first) as events:
            await events.open()
            await listening.follow(session.id, events.event, view, since)

    async def _streamed(
        self, request: Request, exchange: Exchange, stream: Stream
    ) -> HttpAnswer | None:
        """Answer with events, if there are any before the answer."""
        echo = correlation_header(exchange.links.correlation_id)
        async with EventStream(stream, self._settings.heartbeat, echo) as events:
            exchange.notify = events.event
            answer = await self._bridge.answer(request, exchange)
        if not events.started:
            return _plain(answer)
        await events.finish(answer.body if answer else None)
        return None

    def _view(self, head: RequestHead, principal: Principal) -> View | None:
        """Return what is there for who asked for this URL.

        Raises: HttpRefusal 400.
        """
        views = self._bridge.views
        return views.of(head.query, principal) if head.query or views.guarded else views.default

    async def _batch(
        self, values: list[Any], head: RequestHead, principal: Principal
    ) -> HttpAnswer:
        """Answer a batch."""
        headers = head.headers
        if is_modern("", {}, headers):
            peer = Peer(mcp.MODERN[0], True, principal=principal)
        else:
            peer = legacy_peer("", {}, headers, self._bridge.sessions, principal)
        most = self._settings.max_batch
        if len(values) > most:
            raise HttpRefusal(400, f"a batch has 1 to {most} messages", reason="batch")
        check_batch(values, peer, most)
        view = self._view(head, principal)

        def begin(request: Request, cancel: Cancel) -> Exchange:
            meta = meta_of(request.params)
            links = links_of(headers, meta, header_wins=self._tuning.header_trace_wins)
            return Exchange(peer, links, cancel, view=view)

        try:
            bodies = await in_task(batch_answers(self._bridge, values, peer, begin))
        except MeshError as error:
            raise _away(error) from error
        return HttpAnswer(200, b"[" + b",".join(bodies) + b"]") if bodies else _TAKEN


def refused_mcp(error: HttpRefusal | SessionGone | RpcError, headers: Headers) -> HttpAnswer:
    """Write a refusal as JSON-RPC has it."""
    echo = echo_of(headers)
    if isinstance(error, HttpRefusal):
        return answer_of(error, echo)
    if isinstance(error, SessionGone):
        return HttpAnswer(404, error_bytes(session_gone()), (JSON, *echo))
    status = mcp.http_status(error.code, modern=True)
    return HttpAnswer(status, error_bytes(error), (JSON, *echo))


def _away(error: MeshError) -> HttpRefusal:
    """Return the refusal of what is for another bridge."""
    return HttpRefusal(503, f"whom this is for is away: {error.message}")


def _plain(answer: Answer | None) -> HttpAnswer:
    """Write an answer as one JSON response; a cancelled request has none."""
    if answer is None:
        return _TAKEN
    headers: tuple[Header, ...] = (JSON, *correlation_header(answer.correlation_id))
    if answer.session:
        headers = (*headers, (SESSION_HEADER, answer.session.encode()))
    return HttpAnswer(answer.status, answer.body, headers)
