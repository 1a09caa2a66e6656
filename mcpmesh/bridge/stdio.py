"""MCP over stdin and stdout: one JSON-RPC message per line, both eras, many requests at once."""

import asyncio
from collections.abc import Awaitable, Callable

from mcpmesh.bridge.exchange import Exchange, Notify, Peer, meta_of
from mcpmesh.bridge.lines import Lines, LineTooLong
from mcpmesh.bridge.links import NO_HEADERS, links_of
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.peer import check_version, is_modern, modern_peer
from mcpmesh.bridge.stream import wants_stream
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Notification,
    Request,
    Response,
    RpcError,
    decode,
    error_bytes,
    message_of,
)

SCOPE = "stdio"
#: Writes one line.
Write = Callable[[bytes], Awaitable[None]]


class StdioConnection:
    """The one client of a bridge on stdio."""

    def __init__(self, bridge: Bridge, write: Write) -> None:
        self._bridge = bridge
        self._write = write
        self._legacy = Peer(mcp.NEWEST_LEGACY, False, scope=SCOPE, transport="stdio")
        self._running: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._running)} requests in flight)"

    async def serve(self, lines: Lines) -> None:
        """Answer lines until the end of the input.

        What is in flight then may finish for a moment, so that a script can pipe its requests
        in and read the answers; after that it is cancelled.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    line = await lines.next()
                except LineTooLong as exc:
                    await self._refuse(RpcError(INVALID_REQUEST, str(exc)))
                    continue
                if not line:
                    break
                if line.strip():
                    await self._take(line, tasks)
            if self._running:
                await asyncio.wait(self._running, timeout=self._bridge.tuning.stdio_grace)
            for task in self._running:
                task.cancel()
            if self._following is not None:
                self._following.cancel()

    async def _take(self, line: bytes, tasks: asyncio.TaskGroup) -> None:
        try:
            message = message_of(decode(line))
            if isinstance(message, Request):
                self._begin(message, tasks)
            elif isinstance(message, Notification):
                await self._bridge.notified(message, self._legacy)
                if message.method == "notifications/initialized" and self._following is None:
                    follow = self._bridge.listening.follow(SCOPE, self._say)
                    self._following = tasks.create_task(follow)
            elif isinstance(message, Response):
                await self._bridge.responded(message, self._legacy)
        except RpcError as error:
            await self._refuse(error)

    def _begin(self, request: Request, tasks: asyncio.TaskGroup) -> None:
        """Start to answer a request.

        Raises: RpcError for one that is malformed, or one too many.
        """
        limit = self._bridge.tuning.max_stdio_requests
        if len(self._running) >= limit:
            raise RpcError(
                INTERNAL_ERROR,
                f"{limit} requests are in flight; wait for an answer, then try again",
                request_id=request.id,
            )
        peer = self._peer(request)
        task = tasks.create_task(self._answer(request, peer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _peer(self, request: Request) -> Peer:
        if not is_modern(request.method, request.params, NO_HEADERS):
            return self._legacy
        try:
            peer = modern_peer(request.params)
            check_version(peer.version)
        except RpcError as error:
            error.request_id = request.id
            raise
        peer.scope, peer.transport = SCOPE, "stdio"
        return peer

    async def _answer(self, request: Request, peer: Peer) -> None:
        task = asyncio.current_task()
        assert task is not None
        links = links_of(NO_HEADERS, meta_of(request.params))
        exchange = Exchange(peer, links, task.cancel, view=self._bridge.views.default)
        if wants_stream(request, peer, self._bridge.sessions):
            exchange.notify = self._say
        if not peer.modern:
            exchange.open = self._open
        answer = await self._bridge.answer(request, exchange)
        if answer is not None:
            await self._say(answer.body)

    async def _open(self, _exchange: Exchange) -> Notify:
        return self._say

    async def _refuse(self, error: RpcError) -> None:
        await self._say(error_bytes(error))

    async def _say(self, message: bytes) -> None:
        try:
            await self._write(message + b"\n")
        except OSError:
            return  # nobody reads any more; the end of the input follows
