"""The bridge over HTTP, by paths: MCP at /mcp, plain HTTP, /healthz, /readyz, /metrics."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

import orjson

from mcpmesh.bridge.door import Door, ReadableStream
from mcpmesh.bridge.http_head import answer_of
from mcpmesh.bridge.http_house import HttpTimes, Stream
from mcpmesh.bridge.http_mcp import McpEndpoint, refused_mcp
from mcpmesh.bridge.http_message import (
    Header,
    HttpAnswer,
    HttpRefusal,
    HttpRequest,
)
from mcpmesh.bridge.http_reader import ReaderLimits
from mcpmesh.bridge.http_sse import MESSAGES, SSE, HttpSse
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.plain_answer import refused
from mcpmesh.bridge.plain_http import PlainHttp, is_plain
from mcpmesh.codec.mcp_entry import listed_in
from mcpmesh.telemetry.prometheus import CONTENT_TYPE

#: Writes the page of /metrics.
Metrics = Callable[[], bytes] | Callable[[], Awaitable[bytes]]
#: Says what is not ready; "" for nothing.
Missing = Callable[[], Awaitable[str]]
_ALLOW_GET: Header = (b"allow", b"GET, HEAD")
_NOT_FOUND = HttpAnswer(404, b'{"error":"not found; MCP is at /mcp, the tools at /manifest"}')
_ONLY_GET = HttpAnswer(405, headers=(_ALLOW_GET,))


class HttpApp:
    """Serves a bridge over HTTP.

    `metrics` writes the page of /metrics, None means no such page; `missing` says for /readyz what
    beside the mesh is not ready, "" for nothing.
    """

    def __init__(
        self, bridge: Bridge, *, metrics: Metrics | None = None, missing: Missing | None = None
    ) -> None:
        self._bridge = bridge
        self._metrics = metrics
        self._missing = missing
        tuning = bridge.tuning
        self._plain = PlainHttp(bridge)
        self._door = Door(bridge.settings)
        #: How many requests of one client are answered at once.
        self.max_requests_per_peer = bridge.settings.max_requests_per_peer
        self._mcp = McpEndpoint(bridge, self._door)
        self._sse = HttpSse(bridge) if bridge.settings.sse else None
        #: What lets a page read what the server says in our place.
        self.readable = self._door.readable if self._door.cors else None
        #: How large a request may be, and how slow a client.
        self.limits = ReaderLimits(bridge.settings.max_body_bytes)
        self.times = HttpTimes(
            head=tuning.head_timeout,
            body=tuning.body_timeout,
            silence=bridge.settings.heartbeat,
        )

    def __call__(
        self, request: HttpRequest, stream: Stream
    ) -> Coroutine[Any, Any, HttpAnswer | None]:
        """Answer one HTTP request."""
        if self._door.cors:
            return self._to_page(request, stream)
        return self._by_path(request, stream)

    async def _to_page(self, request: HttpRequest, stream: Stream) -> HttpAnswer | None:
        """Answer a request that may be a page's, so that the page may read it."""
        fields = self._door.fields(request.head.headers)
        try:
            self._door.check(request.head.headers)
            answer = self._door.preflight(request.head)
        except HttpRefusal as refusal:
            if is_plain(request.head.path):
                return refused(refusal)
            return refused_mcp(refusal, request.head.headers)
        answer = answer or await self._by_path(request, ReadableStream(stream, fields))
        return answer and replace(answer, headers=(*answer.headers, *fields))

    def _by_path(
        self, request: HttpRequest, stream: Stream
    ) -> Coroutine[Any, Any, HttpAnswer | None]:
        # Nearly all requests: not a coroutine in between.
        if request.head.path == b"/mcp":
            return self._mcp(request, stream)
        return self._elsewhere(request, stream)

    async def _elsewhere(self, request: HttpRequest, stream: Stream) -> HttpAnswer | None:
        """Answer a request to another path than MCP's."""
        head = request.head
        path = head.path
        try:
            self._door.check(head.headers)
        except HttpRefusal as refusal:
            return refused(refusal)
        if is_plain(path):
            return await self._plain(request, stream)
        if self._sse is not None and (path == SSE or path.startswith(MESSAGES)):
            try:
                return await self._sse(request, stream)
            except HttpRefusal as refusal:
                return refused_mcp(refusal, head.headers)
        if path in (b"/healthz", b"/readyz"):
            return await self._health(path, head.method)
        if path == b"/metrics" and self._metrics is not None:
            return await _page(self._metrics, head.method)
        return _NOT_FOUND

    async def _health(self, path: bytes, method: bytes) -> HttpAnswer:
        if method not in (b"GET", b"HEAD"):
            return _ONLY_GET
        if path == b"/healthz":
            return HttpAnswer(200, b'{"status":"ok"}')
        ready = await self._bridge.mesh.ready()
        known = self._bridge.mesh.tools().tools
        tools = len({each.tool.name for each in known if listed_in(each.tool) == "tools"})
        told: dict[str, Any] = {"ready": ready, "tools": tools}
        if self._missing is not None and (missing := await self._missing()):
            ready = False
            told |= {"ready": False, "missing": missing}
        body = orjson.dumps(told)
        return HttpAnswer(200 if ready else 503, body)

    def refusal_answer(self, refusal: HttpRefusal) -> HttpAnswer:
        """Write a refusal of the server's own, in the form that its path has."""
        return refused(refusal) if is_plain(refusal.path) else answer_of(refusal)

    def late(self, posted: HttpRequest, stream: Stream) -> None:
        """Have an answer that is long in coming become a stream, and say that it lives."""
        if self._door.cors:
            stream = ReadableStream(stream, self._door.fields(posted.head.headers))
        self._mcp.carrying.late(posted, stream)

    def drain(self) -> None:
        """End the streams that would last as long as their clients want."""
        self._bridge.listening.end()
        if self._sse is not None:
            self._sse.end()

    async def start(self) -> None:
        """Get to know the other bridges."""
        await self._bridge.peers.start()

    async def close(self) -> None:
        """End the answers that no client waits for any more."""
        self._bridge.streams.close()
        await self._bridge.elsewhere.stop()
        await self._bridge.peers.stop()


async def _page(page: Metrics, method: bytes) -> HttpAnswer:
    """Write a page for a Prometheus server."""
    if method not in (b"GET", b"HEAD"):
        return _ONLY_GET
    written = page()
    body = written if isinstance(written, bytes) else await written
    return HttpAnswer(200, body, ((b"content-type", CONTENT_TYPE.encode()),))
