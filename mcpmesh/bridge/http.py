"""MCP over HTTP, as a bare ASGI application: /mcp of both eras, /healthz, /readyz, /metrics."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from mcpmesh.bridge.asgi import JSON, Header, Receive, Scope, Send, respond
from mcpmesh.bridge.batch import batch_answers, check_batch
from mcpmesh.bridge.exchange import Answer, Exchange, Peer, meta_of
from mcpmesh.bridge.hangup import Hangup, until_hangup
from mcpmesh.bridge.http_gate import HttpRefusal, accepts, check_origin, check_types, read_body
from mcpmesh.bridge.links import Headers, correlation_of, links_of
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.peer import (
    SESSION_HEADER,
    SessionGone,
    check_headers,
    check_version,
    is_modern,
    known_session,
    legacy_peer,
    modern_peer,
    repeated,
    session_gone,
)
from mcpmesh.bridge.sse import EventStream
from mcpmesh.bridge.stream import wants_stream
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
from mcpmesh.telemetry.prometheus import CONTENT_TYPE
from mcpmesh.transport.timers import Timers

_ALLOW_POST: Header = (b"allow", b"POST")
_ONLY_POST = b'{"error":"MCP is served to POST with a JSON-RPC body"}'
_ALLOW_GET: Header = (b"allow", b"GET, HEAD")
_log = logging.getLogger(__name__)


class HttpApp:
    """Serves a bridge over HTTP; `metrics` writes the page of /metrics, None means no such page."""

    def __init__(self, bridge: Bridge, *, metrics: Callable[[], bytes] | None = None) -> None:
        self._bridge = bridge
        self._metrics = metrics
        self._settings = bridge.settings
        self._tuning = bridge.tuning
        self._shared_timers: Timers | None = None

    def _timers(self) -> Timers:
        """Return the timers that all requests share, of the loop that serves them."""
        if self._shared_timers is None:
            self._shared_timers = Timers(asyncio.get_running_loop())
        return self._shared_timers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        path = scope["path"]
        if path == "/mcp":
            await self._mcp(scope, receive, send)
        elif path in ("/healthz", "/readyz"):
            await self._health(path, scope["method"], send)
        elif path == "/metrics" and self._metrics is not None:
            await _page(self._metrics, scope["method"], send)
        else:
            await respond(send, 404, b'{"error":"not found; MCP is at /mcp"}')

    async def _health(self, path: str, method: str, send: Send) -> None:
        if method not in ("GET", "HEAD"):
            await respond(send, 405, headers=(_ALLOW_GET,))
        elif path == "/healthz":
            await respond(send, 200, b'{"status":"ok"}')
        else:
            ready = await self._bridge.mesh.ready()
            tools = len({status.tool.name for status in self._bridge.mesh.tools().tools})
            body = orjson.dumps({"ready": ready, "tools": tools})
            await respond(send, 200 if ready else 503, body)

    async def _mcp(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        echo = _correlation_header(correlation_of(headers))
        try:
            check_origin(headers, self._settings.allowed_origins)
            if scope["method"] == "POST":
                await self._post(scope["headers"], headers, receive, send)
            elif scope["method"] == "DELETE" and SESSION_HEADER in headers:
                self._bridge.sessions.end(
                    known_session(headers[SESSION_HEADER], self._bridge.sessions).id
                )
                await respond(send, 200, headers=())
            else:
                await respond(send, 405, _ONLY_POST, (JSON, *echo, _ALLOW_POST))
        except HttpRefusal as refusal:
            body = error_bytes(refusal.error)
            await respond(send, refusal.status, body, (JSON, *echo, *refusal.headers))
        except SessionGone:
            await respond(send, 404, error_bytes(session_gone()), (JSON, *echo))
        except RpcError as error:
            status = mcp.http_status(error.code, modern=True)
            await respond(send, status, error_bytes(error), (JSON, *echo))
        except Hangup:
            _log.debug("the client hung up")

    async def _post(
        self, pairs: Sequence[tuple[bytes, bytes]], headers: Headers, receive: Receive, send: Send
    ) -> None:
        """Answer what a client posted.

        Raises: HttpRefusal, SessionGone, and RpcError for what is no request that an answer
        could name.
        """
        check_types(headers)
        body = await read_body(
            headers,
            receive,
            self._settings.max_body_bytes,
            self._tuning.body_timeout,
            self._timers(),
        )
        value = decode(body)
        if type(value) is list:
            await self._batch(value, headers, receive, send)
            return
        message = message_of(value)
        if isinstance(message, Request):
            try:
                peer = self._peer(message, pairs, headers)
            except RpcError as error:
                error.request_id = message.id
                raise
            await self._request(message, peer, headers, receive, send)
        else:
            self._take(message, headers)
            await respond(send, 202, headers=())

    def _peer(
        self, request: Request, pairs: Sequence[tuple[bytes, bytes]], headers: Headers
    ) -> Peer:
        if not is_modern(request.method, request.params, headers):
            return legacy_peer(request.method, request.params, headers, self._bridge.sessions)
        peer = modern_peer(request.params)
        twice = repeated(pairs) if len(pairs) != len(headers) else frozenset()
        check_headers(request, peer, headers, twice)
        check_version(peer.version)
        return peer

    def _take(self, message: Notification | Response, headers: Headers) -> None:
        """Take what wants no answer. A modern client has nothing to tell over HTTP.

        Raises: RpcError for a modern client's response, or an unknown version.
        """
        params = message.params if isinstance(message, Notification) else {}
        method = message.method if isinstance(message, Notification) else ""
        if is_modern(method, params, headers):
            if isinstance(message, Response):
                raise RpcError(INVALID_REQUEST, "a client must not send responses")
            return
        peer = legacy_peer(method, params, headers, self._bridge.sessions)
        if isinstance(message, Notification):
            self._bridge.notified(message, peer)

    async def _request(
        self, request: Request, peer: Peer, headers: Headers, receive: Receive, send: Send
    ) -> None:
        links = links_of(
            headers, meta_of(request.params), header_wins=self._tuning.header_trace_wins
        )
        exchange = Exchange(peer, links)
        if wants_stream(request, modern=peer.modern) and accepts(
            headers.get(b"accept", b"*/*"), b"text/event-stream"
        ):
            await self._stream(request, exchange, receive, send)
            return
        answer = await until_hangup(receive, self._bridge.answer(request, exchange), self._timers())
        await _plain(answer, send)

    async def _stream(
        self, request: Request, exchange: Exchange, receive: Receive, send: Send
    ) -> None:
        echo = _correlation_header(exchange.links.correlation_id)
        async with EventStream(send, self._settings.heartbeat, echo) as events:
            exchange.notify = events.event
            answer = await until_hangup(
                receive, self._bridge.answer(request, exchange), self._timers()
            )
        if events.started:
            await events.finish(answer.body if answer else None)
        else:
            await _plain(answer, send)

    async def _batch(
        self, values: list[Any], headers: Headers, receive: Receive, send: Send
    ) -> None:
        """Answer a batch."""
        if is_modern("", {}, headers):
            peer = Peer(mcp.MODERN[0], True)
        else:
            peer = legacy_peer("", {}, headers, self._bridge.sessions)
        check_batch(values, peer, self._tuning.max_batch)
        work = batch_answers(self._bridge, values, peer, headers)
        bodies = await until_hangup(receive, work, self._timers())
        if bodies:
            await respond(send, 200, b"[" + b",".join(bodies) + b"]")
        else:
            await respond(send, 202, headers=())


async def _page(page: Callable[[], bytes], method: str, send: Send) -> None:
    """Write a page for a Prometheus server."""
    if method in ("GET", "HEAD"):
        body = page()
        await respond(send, 200, body, ((b"content-type", CONTENT_TYPE.encode()),))
    else:
        await respond(send, 405, headers=(_ALLOW_GET,))


async def _plain(answer: Answer | None, send: Send) -> None:
    """Write an answer as one JSON response; a cancelled request has none."""
    if answer is None:
        await respond(send, 202, headers=())
        return
    headers: tuple[Header, ...] = (JSON, *_correlation_header(answer.correlation_id))
    if answer.session:
        headers = (*headers, (SESSION_HEADER, answer.session.encode()))
    await respond(send, answer.status, answer.body, headers)


def _correlation_header(correlation_id: str) -> tuple[Header, ...]:
    return ((b"x-correlation-id", correlation_id.encode()),) if correlation_id else ()
