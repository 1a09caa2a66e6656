"""Our connection to one endpoint: made when wanted, kept, made again when lost.

Source: gRPC connectivity semantics; IDLE, CONNECTING, READY, TRANSIENT_FAILURE, SHUTDOWN.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from enum import Enum
from random import Random

from mcpmesh.errors import NoReplica
from mcpmesh.model.address import Address
from mcpmesh.policy.backoff import Backoff
from mcpmesh.transport.credentials import ChannelCredentials
from mcpmesh.transport.dial import dial
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.link import Link
from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.transport.reason import reason_of
from mcpmesh.wire.block import Block
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.limits import Limits
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_sink import StreamSink

CONNECT_SECONDS = 10.0


class State(Enum):
    """Connectivity of a subchannel."""

    IDLE = "IDLE"
    CONNECTING = "CONNECTING"
    READY = "READY"
    TRANSIENT_FAILURE = "TRANSIENT_FAILURE"
    SHUTDOWN = "SHUTDOWN"


_MOVES: dict[State, frozenset[State]] = {
    State.IDLE: frozenset((State.CONNECTING, State.SHUTDOWN)),
    State.CONNECTING: frozenset((State.READY, State.TRANSIENT_FAILURE, State.SHUTDOWN)),
    State.READY: frozenset((State.IDLE, State.SHUTDOWN)),
    State.TRANSIENT_FAILURE: frozenset((State.CONNECTING, State.IDLE, State.SHUTDOWN)),
    State.SHUTDOWN: frozenset(),
}


class Subchannel:
    """The one connection to an endpoint.

    `on_state` is called after each change; `on_silence` when the server stopped to answer, and when
    it answers again, on a connection that is READY (`times.silence`). With `eager`, a lost
    connection is made again at once; otherwise when the next call wants it. With `credentials` it
    speaks TLS; `server_name` is what the server's certificate must have, when that is not the
    endpoint's host.
    """

    def __init__(
        self,
        endpoint: str,
        hub: Hub,
        *,
        rng: Random,
        limits: Limits | None = None,
        times: LinkTimes | None = None,
        backoff: Backoff | None = None,
        eager: bool = False,
        on_state: Callable[[Subchannel], None] | None = None,
        on_silence: Callable[[Subchannel, bool], None] | None = None,
        credentials: ChannelCredentials | None = None,
        server_name: str = "",
    ) -> None:
        self.endpoint = endpoint
        self.state = State.IDLE
        #: Why the last attempt failed; empty when it did not.
        self.reason = ""
        #: The connection while READY.
        self.connection: Connection | None = None
        #: What the last server's certificate calls it.
        self.server_names: frozenset[str] = frozenset()
        self._address = Address.parse(endpoint)
        self._credentials = credentials
        self._server_name = server_name
        self._hub = hub
        self._rng = rng
        self._limits = limits or Limits()
        self._times = times or LinkTimes()
        self._backoff = backoff or Backoff()
        self._eager = eager
        self._on_state = on_state
        self._on_silence = on_silence
        self._failures = 0
        self._ready_since = 0.0
        # Connections in a row that were lost soon after they were made.
        self._cut_short = 0
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._changed: asyncio.Future[None] | None = None
        # Links that finish their streams after a GOAWAY.
        self._draining: set[Link] = set()

    def __repr__(self) -> str:
        return f"<Subchannel {self.endpoint} {self.state.value} {self.reason}>"

    @property
    def coming(self) -> bool:
        """Tell whether it is about to be READY, as far as one can know: nothing failed so far."""
        begun = self.state is State.IDLE or self.state is State.CONNECTING
        return begun and not self._failures and self._cut_short <= 1

    def connect(self) -> None:
        """Begin to connect, unless that is under way or done."""
        if self.state is State.IDLE:
            self._move(State.CONNECTING)
            self._task = asyncio.ensure_future(self._keep_connecting())

    async def ready(self, wait_for_ready: bool = False) -> Connection:
        """Wait for the connection.

        Raises: NoReplica when it cannot be made; with `wait_for_ready` only when it was closed.
        """
        while self.connection is None:
            if self.state is State.SHUTDOWN:
                raise NoReplica(f"the channel to {self.endpoint} is closed")
            if self.state is State.TRANSIENT_FAILURE and not wait_for_ready:
                raise NoReplica(f"cannot connect to {self.endpoint}: {self.reason}")
            self.connect()
            await self.changed()
        return self.connection

    async def changed(self) -> None:
        """Wait for the next change of state."""
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._changed)

    async def close(self, grace: float | None = None) -> None:
        """Close the connection, after letting its streams finish for `grace` seconds."""
        if self.state is State.SHUTDOWN:
            return
        links = [*self._draining, *([self._link] if self._link is not None else [])]
        task, self._task = self._task, None
        self._link = None
        self._move(State.SHUTDOWN)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for link in links:
            if grace:
                link.drain("the channel is closing")
            else:
                link.close("the channel is closed")
        if grace:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    for link in links:
                        await link.closed.wait()
        for link in links:
            link.close("the channel is closed")

    # LinkOwner

    def accept(self, link: Link, stream: Stream, head: Block) -> StreamSink:
        raise AssertionError("servers open no streams")

    def link_draining(self, link: Link, message: str) -> None:
        if link is self._link:
            self._draining.add(link)
            self._lost(message)

    def link_lost(self, link: Link, message: str) -> None:
        self._draining.discard(link)
        if link is self._link:
            self._lost(message)

    def _link_silent(self, link: Link, silent: bool) -> None:
        if link is self._link and self._on_silence is not None:
            self._on_silence(self, silent)

    def _lost(self, message: str) -> None:
        self._link = None
        if self.state is not State.READY:
            return
        self.reason = message
        lived = asyncio.get_running_loop().time() - self._ready_since
        self._cut_short = self._cut_short + 1 if lived < self._backoff.longest else 0
        self._move(State.IDLE)
        if self._eager:
            self.connect()

    # Connecting

    async def _keep_connecting(self) -> None:
        if self._eager and self._cut_short > 1:
            # A server that takes connections and drops them is not to be hammered.
            await asyncio.sleep(self._backoff.wait(self._cut_short - 1, self._rng))
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    link = await self._open()
            except TimeoutError:
                self._fail(f"no answer within {CONNECT_SECONDS} s")
            except OSError as error:
                self._fail(reason_of(error))
            except ValueError as error:
                # A host name that no resolver takes, or no certificate could have.
                self._fail(str(error))
            else:
                self._failures = 0
                self.reason = ""
                self._link = link
                if link.identity is not None:
                    self.server_names = frozenset((link.identity.name,))
                self._ready_since = asyncio.get_running_loop().time()
                self._move(State.READY)
                if link.connection.closed or link.connection.draining:
                    self._lost("the connection ended as it began")
                return
            await asyncio.sleep(self._backoff.wait(self._failures, self._rng))
            if not self._eager:
                self._move(State.IDLE)
                return
            self._move(State.CONNECTING)

    async def _open(self) -> Link:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        opening = _OpeningOwner(ready)
        link = Link(
            self._hub, opening, self._limits, client=True, times=self._times,
            on_ready=opening.link_ready,
            on_silence=None if self._on_silence is None else self._link_silent,
        )  # fmt: skip
        await dial(self._address, link, self._credentials, name=self._server_name)
        try:
            await ready
        except BaseException:
            link.close("gave up connecting")
            raise
        link.owner = self
        return link

    def _fail(self, reason: str) -> None:
        self._failures += 1
        self.reason = reason
        self._move(State.TRANSIENT_FAILURE)

    def _move(self, to: State) -> None:
        assert to in _MOVES[self.state], f"{self.endpoint}: {self.state.value} to {to.value}"
        self.state = to
        self.connection = (
            self._link.connection if to is State.READY and self._link is not None else None
        )
        changed, self._changed = self._changed, None
        if changed is not None and not changed.done():
            changed.set_result(None)
        if self._on_state is not None:
            self._on_state(self)


class _OpeningOwner:
    """Owns a link until the peer's SETTINGS came."""

    __slots__ = ("_ready",)

    def __init__(self, ready: asyncio.Future[None]) -> None:
        self._ready = ready

    def accept(self, link: Link, stream: Stream, head: Block) -> StreamSink:
        raise AssertionError("servers open no streams")

    def link_ready(self, _link: Link) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def link_draining(self, link: Link, message: str) -> None:
        """A server that goes away at once: the loss follows."""

    def link_lost(self, link: Link, message: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(ConnectionError(message))
