"""An HTTP server for an ASGI application inside a running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, cast

import uvicorn

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.one_write import OneWriteProtocol
from mcpmesh.model.replica import join_endpoint, split_endpoint

BACKLOG = 1024
#: uvicorn tells that it is up in no other way than by a flag.
_POLL = 0.005


class _Server(uvicorn.Server):
    """uvicorn without its hands on the process's signals: those belong to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Listens, and stops gracefully.

    Units: `grace` in seconds that requests in flight get when the server stops.
    """

    def __init__(
        self, app: HttpApp, listen: str, *, grace: float = 10.0, reuse_port: bool = False
    ) -> None:
        self._app = app
        self._listen = listen
        self._grace = grace
        self._reuse_port = reuse_port
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._endpoint = ""

    @property
    def endpoint(self) -> str:
        """Where the server listens, with the real port; empty before `start`."""
        return self._endpoint

    def __repr__(self) -> str:
        state = "listening" if self._task is not None else "stopped"
        return f"{type(self).__name__}({self._endpoint or self._listen}, {state})"

    async def start(self) -> str:
        """Listen and return the endpoint.

        Raises: OSError when the address is taken or not ours.
        """
        listener = listening_socket(self._listen, reuse_port=self._reuse_port)
        host, port = listener.getsockname()[:2]
        config = uvicorn.Config(
            cast(Any, self._app),
            http=OneWriteProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=max(1, round(self._grace)),
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110
            await asyncio.sleep(_POLL)
        if self._task.done():
            await self._task
        self._endpoint = join_endpoint(host, port)
        return self._endpoint

    async def stop(self) -> None:
        """Take no new connections, let requests in flight finish, then return."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        await self._task
        self._task = None


def listening_socket(listen: str, *, reuse_port: bool) -> socket.socket:
    """Bind HOST:PORT; an empty host means all addresses."""
    host, port = split_endpoint(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=reuse_port)
