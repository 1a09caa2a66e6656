"""An MCP server as an upstream: a command, or a URL."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from mcpmesh.adopt.mcp_calls import McpCalls
from mcpmesh.adopt.mcp_connection import McpConnection
from mcpmesh.adopt.mcp_http import HttpWatch, http_streams
from mcpmesh.adopt.mcp_session import McpSession
from mcpmesh.adopt.mcp_stdio import stdio_streams
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.parked import Parked
from mcpmesh.adopt.process import Process
from mcpmesh.adopt.secrets import Secrets
from mcpmesh.adopt.upstream import Connection, UpstreamFailed
from mcpmesh.config import UpstreamSettings

#: What a command gets of the environment: what it needs to find itself, and no secret of others.
INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
)


class McpServer:
    """One MCP server: each connection is a process of the command, or a session with the URL.

    `environ` is what the command inherits a few variables of. `parked` and `asking` are shared by
    all copies, so that a call goes on whichever of them its caller comes back to.
    """

    def __init__(
        self,
        name: str,
        settings: UpstreamSettings,
        *,
        url: str = "",
        environ: Mapping[str, str],
        parked: Parked,
        asking: set[str],
    ) -> None:
        self.name = name
        self._settings = settings
        self._url = url
        self._environment = {
            **{key: environ[key] for key in INHERITED if key in environ},
            **settings.env,
        }
        self._parked = parked
        self._asking = asking
        query = urlsplit(url)
        self._secrets = Secrets.of(
            (
                *settings.env.values(),
                *settings.headers.values(),
                *(part.rpartition("=")[2] for part in query.query.split("&")),
                query.password or "",
            )
        )

    def __repr__(self) -> str:
        return f"McpServer({self.name}, {shown(self._settings, self._url)})"

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Start the command or reach the URL, and shake hands."""
        return self._over_http() if self._url else self._over_stdio()

    @asynccontextmanager
    async def _over_stdio(self) -> AsyncIterator[Connection]:
        settings = self._settings
        process = await Process.start(
            self.name,
            settings.command,
            self._environment,
            settings.cwd or None,
            self._secrets,
        )
        try:
            streams = stdio_streams(process, self._secrets)
            async with self._session(streams, process.ended) as connection:
                yield connection
        finally:
            await asyncio.shield(process.stop())

    @asynccontextmanager
    async def _over_http(self) -> AsyncIterator[Connection]:
        watch = HttpWatch(shown(self._settings, self._url))
        streams = http_streams(self._url, self._settings, watch)
        async with self._session(streams, watch.ended) as connection:
            yield connection

    @asynccontextmanager
    async def _session(
        self, streams: AbstractAsyncContextManager[tuple[Any, Any]], ended: Any
    ) -> AsyncIterator[Connection]:
        session = McpSession(self.name, streams, self._settings, self._asking)
        try:
            try:
                async with asyncio.timeout(self._settings.connect_timeout):
                    await session.open()
            except TimeoutError:
                raise UpstreamFailed(
                    f"did not say hello within {self._settings.connect_timeout:g} s"
                ) from None
            except UpstreamFailed as failure:
                why = await self._why(ended)
                raise UpstreamFailed(self._secrets.hide(why or failure.message)) from failure
            naming = Naming(self._settings.namespace)
            calls = McpCalls(session, naming, self._settings, self._parked)
            connection = McpConnection(session, naming, self._settings, calls)
            try:
                yield connection
            except UpstreamFailed as failure:
                why = await self._why(ended)
                text = self._secrets.hide(why or failure.message)
                raise UpstreamFailed(text) from failure
        finally:
            await asyncio.shield(session.close())

    async def _why(self, ended: Any) -> str:
        """Return how the other side ended, if it says so within a moment."""
        try:
            async with asyncio.timeout(1):
                told: str = await ended()
                return told
        except TimeoutError:
            return ""


def shown(settings: UpstreamSettings, url: str) -> str:
    """Return what may be told of an upstream: no query and no password."""
    if not url:
        return os.path.basename(settings.command[0])
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
