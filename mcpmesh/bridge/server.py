"""The bridge's HTTP server inside a running event loop."""

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import replace

from mcpmesh.bridge.answering import Answering
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.http_connection import HttpConnection
from mcpmesh.bridge.http_head import date_line
from mcpmesh.bridge.http_house import HttpHouse, HttpTimes
from mcpmesh.config import NO_TLS, LimitSettings, TlsSettings
from mcpmesh.model.address import Address
from mcpmesh.transport.credentials import ServerCredentials
from mcpmesh.transport.gate import Gate
from mcpmesh.transport.listening import Listening, bind
from mcpmesh.transport.refusals import Refusals
from mcpmesh.transport.tls import TlsTransport

BACKLOG = 1024
_HTTP1 = "http/1.1"
#: Units: seconds between two looks at the deadlines of all connections.
TICK = 1.0


class HttpServer:
    """Listens, and stops gracefully.

    Units: `grace` in seconds that requests in flight get when the server stops.
    Raises: InvalidSetting for TLS files that cannot be used.
    """

    def __init__(
        self,
        app: HttpApp,
        listen: str,
        *,
        grace: float = 10.0,
        reuse_port: bool = False,
        tls: TlsSettings = NO_TLS,
        limits: LimitSettings | None = None,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Serve an app; `refused` is told why a peer was turned away or ended."""
        times = app.times if limits is None else _times(app.times, limits)
        limits = limits or LimitSettings()
        self._house = HttpHouse(
            app,
            app.limits,
            times,
            gate=Gate(limits.max_connections, limits.max_connections_per_peer),
            answering=Answering(app.max_requests_per_peer),
            refusals=Refusals(refused) if refused is not None else Refusals(),
            late=app.late,
            refusal_answer=app.refusal_answer,
            readable=app.readable,
        )
        self._app = app
        self._listen = listen
        self._grace = grace
        self._reuse_port = reuse_port
        self._credentials = ServerCredentials(tls, (_HTTP1,)) if tls.serves else None
        self._bound: Listening | None = None
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
        bound = self._bound = bind(Address.parse(self._listen), reuse_port=self._reuse_port)
        await self._app.start()
        loop = asyncio.get_running_loop()
        self._tick(loop)
        listen = loop.create_unix_server if bound.address.is_unix else loop.create_server
        self._listener = await listen(self._new_connection, sock=bound.socket, backlog=BACKLOG)
        address = bound.address
        if not address.is_unix and not address.host:
            address = replace(address, host="0.0.0.0")
        self._endpoint = str(address)
        return self._endpoint

    def _new_connection(self) -> asyncio.Protocol:
        connection = HttpConnection(self._house)
        if self._credentials is None:
            return connection
        return TlsTransport(connection, self._credentials.context(), secured=connection.secured)

    async def stop(self) -> None:
        """Take no new connections, let requests in flight finish, then return."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        assert self._bound is not None
        self._bound.close()
        house = self._house
        house.draining = True
        self._app.drain()
        for connection in list(house.connections):
            connection.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                await self._all_gone()
        for connection in list(house.connections):
            connection.abort()
        await self._all_gone()
        await self._app.close()
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


def _times(times: HttpTimes, limits: LimitSettings) -> HttpTimes:
    """Return how long clients are waited for; 0 in the settings means for ever."""
    return replace(
        times,
        idle=limits.idle_timeout or math.inf,
        head=limits.header_timeout,
        body=limits.request_timeout,
        age=limits.max_connection_age or math.inf,
    )
