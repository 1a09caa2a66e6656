"""The bridge's HTTP server inside a running event loop."""

import asyncio
import contextlib
import socket
import ssl
import time

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.http_connection import HttpConnection, HttpHouse
from mcpmesh.bridge.http_head import date_line
from mcpmesh.model.address import join_endpoint, split_endpoint

BACKLOG = 1024
#: Units: seconds between two looks at the deadlines of all connections.
TICK = 1.0


class HttpServer:
    """Listens, and stops gracefully.

    Units: `grace` in seconds that requests in flight get when the server stops.
    """

    def __init__(
        self,
        app: HttpApp,
        listen: str,
        *,
        grace: float = 10.0,
        reuse_port: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._house = HttpHouse(app, app.limits, app.times)
        self._listen = listen
        self._grace = grace
        self._reuse_port = reuse_port
        self._tls = tls
        self._listener: asyncio.Server | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._endpoint = ""

    @property
    def endpoint(self) -> str:
        """Where the server listens, with the real port; empty before `start`."""
        return self._endpoint

    def __repr__(self) -> str:
        state = "listening" if self._listener is not None else "stopped"
        connections = len(self._house.connections)
        return f"{type(self).__name__}({self._endpoint or self._listen}, {state}, {connections})"

    async def start(self) -> str:
        """Listen and return the endpoint.

        Raises: OSError when the address is taken or not ours.
        """
        listener = listening_socket(self._listen, reuse_port=self._reuse_port)
        host, port = listener.getsockname()[:2]
        loop = asyncio.get_running_loop()
        self._tick(loop)
        self._listener = await loop.create_server(
            lambda: HttpConnection(self._house), sock=listener, backlog=BACKLOG, ssl=self._tls
        )
        self._endpoint = join_endpoint(host, port)
        return self._endpoint

    async def stop(self) -> None:
        """Take no new connections, let requests in flight finish, then return."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        house = self._house
        house.draining = True
        for connection in list(house.connections):
            connection.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._all_gone()
        for connection in list(house.connections):
            connection.abort()
        await self._all_gone()
        if self._ticker is not None:
            self._ticker.cancel()

    async def _all_gone(self) -> None:
        while self._house.connections:
            await self._house.empty.wait()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        house = self._house
        house.date = date_line(time.time())
        now = loop.time()
        for connection in list(house.connections):
            connection.tick(now)
        self._ticker = loop.call_later(min(TICK, house.times.body), self._tick, loop)


def listening_socket(listen: str, *, reuse_port: bool) -> socket.socket:
    """Bind HOST:PORT; an empty host means all addresses."""
    host, port = split_endpoint(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=reuse_port)
