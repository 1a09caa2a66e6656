"""A client on a connection that carries messages both ways: both eras, many requests at once."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from mcpmesh.bridge.batch import batch_answers, check_batch
from mcpmesh.bridge.exchange import Exchange, Notify, Peer, meta_of
from mcpmesh.bridge.links import NO_HEADERS, links_of
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.peer import check_version, is_modern, modern_peer
from mcpmesh.bridge.stream import wants_stream
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import (
    INTERNAL_ERROR,
    Notification,
    Request,
    Response,
    RpcError,
    error_bytes,
    message_of,
)
from mcpmesh.errors import MeshError
from mcpmesh.model.principal import ANONYMOUS, Principal

#: Sends one message.
Send = Callable[[bytes], Awaitable[None]]


class Duplex:
    """One client. Its requests are answered in tasks of `tasks`.

    `scope` is where its request ids are unique, `transport` what telemetry calls the connection.
    """

    def __init__(
        self,
        bridge: Bridge,
        send: Send,
        tasks: asyncio.TaskGroup,
        scope: str,
        transport: str,
        principal: Principal = ANONYMOUS,
    ) -> None:
        self._bridge = bridge
        self._send = send
        self._tasks = tasks
        self._transport = transport
        self._legacy = Peer(
            mcp.NEWEST_LEGACY, False, scope=scope, transport=transport, principal=principal
        )
        self._running: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._running)} requests in flight)"

    async def take(self, value: Any) -> None:
        """Take a message of the client, or a batch; what is wrong with it is told."""
        try:
            if type(value) is list:
                self._begin_batch(value)
            else:
                await self._take(value)
        except RpcError as error:
            await self.refuse(error)
        except MeshError:
            return  # a notification or an answer, which cannot be refused here

    def take_later(self, value: Any) -> None:
        """Take a message of the client, in a task."""
        self._tasks.create_task(self.take(value))

    async def refuse(self, error: RpcError) -> None:
        """Tell the client what is wrong with something that it sent."""
        await self._send(error_bytes(error))

    async def end(self, grace: float) -> None:
        """Let requests in flight finish for a moment, then cancel them. Units: seconds."""
        if self._running and grace:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        if self._following is not None:
            self._following.cancel()
        self._bridge.forget(self._legacy.scope)

    async def _take(self, value: Any) -> None:
        message = message_of(value)
        if isinstance(message, Request):
            self._begin(message)
        elif isinstance(message, Notification):
            await self._bridge.notified(message, self._legacy)
            if message.method == "notifications/initialized" and self._following is None:
                view = self._bridge.views.of(b"", self._legacy.principal)
                follow = self._bridge.listening.follow(self._legacy.scope, self._tell, view)
                self._following = self._tasks.create_task(follow)
        elif isinstance(message, Response):
            await self._bridge.responded(message, self._legacy)

    def _begin(self, request: Request) -> None:
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
        self._start(self._answer(request, self._peer(request)))

    def _begin_batch(self, values: list[Any]) -> None:
        """Start to answer a batch.

        Raises: RpcError for a client of a revision without batches, and one too long.
        """
        check_batch(values, self._legacy, self._bridge.settings.max_batch)
        self._start(self._answer_batch(values))

    def _start(self, work: Any) -> None:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _peer(self, request: Request) -> Peer:
        if not is_modern(request.method, request.params, NO_HEADERS):
            return self._legacy
        try:
            peer = modern_peer(request.params, self._legacy.principal)
            check_version(peer.version)
        except RpcError as error:
            error.request_id = request.id
            raise
        peer.scope, peer.transport = self._legacy.scope, self._transport
        return peer

    async def _answer(self, request: Request, peer: Peer) -> None:
        task = asyncio.current_task()
        assert task is not None
        answer = await self._bridge.answer(request, self._exchange(peer, request, task.cancel))
        if answer is not None:
            await self._send(answer.body)

    async def _answer_batch(self, values: list[Any]) -> None:
        begin = partial(self._exchange, self._legacy)
        try:
            bodies = await batch_answers(self._bridge, values, self._legacy, begin)
        except MeshError:
            return  # notifications and answers, which cannot be refused here
        if bodies:
            await self._send(b"[" + b",".join(bodies) + b"]")

    def _exchange(self, peer: Peer, request: Request, cancel: Callable[[], object]) -> Exchange:
        links = links_of(NO_HEADERS, meta_of(request.params))
        view = self._bridge.views.of(b"", peer.principal)
        exchange = Exchange(peer, links, cancel, view=view)
        if wants_stream(request, peer, self._bridge.sessions):
            exchange.notify = self._send
        if not peer.modern:
            exchange.open = self._open
        return exchange

    async def _tell(self, message: bytes, _event_id: str) -> None:
        await self._send(message)

    async def _open(self, _exchange: Exchange) -> Notify:
        return self._send
