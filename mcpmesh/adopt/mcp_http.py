"""MCP over HTTP, as the streams that the official client reads: Streamable HTTP, or HTTP+SSE."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from mcpmesh.adopt.mcp_call import CURRENT
from mcpmesh.adopt.mcp_reply import in_its_place
from mcpmesh.config import UpstreamSettings

#: Seconds to connect, and between two events of a stream.
_CONNECT, _READ = 10.0, 3600.0
_MOST_CONNECTIONS = 1000
_LOG = logging.getLogger("mcpmesh.upstream")
_JSON = "application/json"
#: What says how a body is written, and is not so any more when another takes its place.
_OF_BODY = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class HttpWatch:
    """What happened last on the way to a server, for those who say why it is lost."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self._last = ""

    async def ended(self) -> str:
        """Return what went wrong last; empty when nothing did."""
        await asyncio.sleep(0)
        return self._last

    def failed(self, why: str) -> None:
        """Keep what went wrong."""
        self._last = f"{why} ({self.shown})"

    async def answered(self, response: httpx2.Response) -> None:
        """Look at an answer."""
        # 405 is how servers say that they have no stream of their own, or keep no session.
        if response.status_code >= 400 and response.status_code != 405:
            self.failed(f"answers {response.status_code} {response.reason_phrase}".rstrip())
        elif response.status_code < 400:
            # What was refused before, such as the question for the modern era, is no reason now.
            self._last = ""


class _Transport(httpx2.AsyncHTTPTransport):
    """Notes which calls certainly never went out: those may be made elsewhere.

    An answer that answers something else is made an error of the call.
    """

    def __init__(self, watch: HttpWatch, **options: Any) -> None:
        super().__init__(**options)
        self._watch = watch

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        call = CURRENT.get()
        try:
            response = await super().handle_async_request(request)
            if _is_reply(request, response):
                response = await _checked(request, response, self._watch.shown)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            self._watch.failed(f"cannot be reached: {error}")
            raise
        except BaseException as error:
            if isinstance(error, httpx2.TransportError):
                self._watch.failed(f"broke the connection: {type(error).__name__} {error}".rstrip())
            if call is not None:
                call.sent = True
            raise
        if call is not None:
            call.sent = True
        return response


def _is_reply(request: httpx2.Request, response: httpx2.Response) -> bool:
    """Tell whether a response is one JSON message that answers another."""
    kind: str = response.headers.get("content-type", "").lower()
    return request.method == "POST" and response.is_success and kind.startswith(_JSON)


async def _checked(
    request: httpx2.Request, response: httpx2.Response, server: str
) -> httpx2.Response:
    """Return the response, or one that says why it is none.

    Raises: httpx2.TransportError when the body does not come.
    """
    instead = in_its_place(await request.aread(), await response.aread(), server)
    if instead is None:
        return response
    fields = [field for field in response.headers.items() if field[0] not in _OF_BODY]
    return httpx2.Response(response.status_code, headers=fields, content=instead)


@asynccontextmanager
async def http_streams(
    url: str, settings: UpstreamSettings, watch: HttpWatch
) -> AsyncIterator[tuple[Any, Any]]:
    """Yield what the server sends and what sends to it."""

    def client(
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        limits = httpx2.Limits(
            max_connections=_MOST_CONNECTIONS, max_keepalive_connections=_MOST_CONNECTIONS
        )
        return httpx2.AsyncClient(
            headers=dict(settings.headers),
            timeout=httpx2.Timeout(_READ, connect=_CONNECT),
            transport=_Transport(watch, limits=limits),
            event_hooks={"response": [watch.answered]},
        )

    if is_sse(url, settings):
        async with sse_client(url, httpx_client_factory=client, sse_read_timeout=_READ) as streams:
            yield streams
    else:
        async with (
            client() as http,
            streamable_http_client(url, http_client=http) as streams,
        ):
            yield streams


def is_sse(url: str, settings: UpstreamSettings) -> bool:
    """Tell whether a server speaks HTTP+SSE."""
    if settings.transport == "auto":
        return urlsplit(url).path.rstrip("/").endswith("/sse")
    return settings.transport == "sse"
