"""One copy of an upstream as a replica: connected, served, connected anew when it is lost.

The tool server keeps its port and its id over all of that. While the upstream is away the replica
is out of the catalog, so that calls go to the other copies.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from random import Random

from mcpmesh.adopt.offer import sound_offer
from mcpmesh.adopt.upstream import Connection, Upstream, UpstreamFailed
from mcpmesh.policy.backoff import Backoff
from mcpmesh.sdk.tool_server import ToolServer

_LOG = logging.getLogger("mcpmesh.adopt")
#: When to connect anew, and how long a connection is not a failure of the one before.
RESTARTS = Backoff(first=0.2, factor=2.0, longest=30.0)
GOOD_WHILE = 10.0


class State(Enum):
    """What a copy is doing."""

    CONNECTING = "connecting"
    SERVING = "serving"
    #: It is away, or its connection offers nothing, and will be tried again.
    AWAY = "away"
    STOPPED = "stopped"


class Copy:
    """One connection to an upstream, and the tool server in front of it.

    `start` starts the tool server, once, when there is something to serve. `failure` says why the
    upstream is away.
    """

    def __init__(
        self,
        label: str,
        upstream: Upstream,
        server: ToolServer,
        start: Callable[[ToolServer], Awaitable[object]],
        *,
        backoff: Backoff = RESTARTS,
        rng: Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.label = label
        self.server = server
        self.state = State.CONNECTING
        self.failure: UpstreamFailed | None = None
        self._upstream = upstream
        self._start = start
        self._started = False
        self._backoff = backoff
        self._rng = rng or Random()
        self._sleep = sleep
        self._on_change = on_change

    def __repr__(self) -> str:
        return f"Copy({self.label}, {self.state.value})"

    async def keep(self) -> None:
        """Keep the upstream connected and served until cancelled; whatever it does, go on."""
        failures = 0
        clock = asyncio.get_running_loop().time
        try:
            while True:
                began = clock()
                failure = await self._serve_once()
                failures = 1 if clock() - began >= GOOD_WHILE else failures + 1
                wait = self._backoff.wait(failures, self._rng)
                _LOG.warning("%s: %s; trying again in %.1f s", self.label, failure.message, wait)
                self.server.withdraw(f"{failure.message}; it is being restarted")
                self._enter(State.AWAY, failure)
                await self._sleep(wait)
        finally:
            self._enter(State.STOPPED, self.failure)

    async def _serve_once(self) -> UpstreamFailed:
        """Connect and serve until that fails; say why it did."""
        try:
            async with self._upstream.connect() as connection:
                await self._serve(connection)
        except UpstreamFailed as failure:
            return failure
        except Exception as error:
            _LOG.error("%s: a bug of the adapter", self.label, exc_info=error)
            return UpstreamFailed(f"failed with {type(error).__name__}")
        return UpstreamFailed("ended")

    async def _serve(self, connection: Connection) -> None:
        while True:
            entries = sound_offer(self.label, await connection.entries())
            if entries:
                self.server.replace(entries)
                await self._ensure_started()
                self._enter(State.SERVING, None)
                _LOG.info("%s: offers %d tools, prompts and resources", self.label, len(entries))
            else:
                _LOG.warning("%s: offers nothing", self.label)
                self.server.withdraw("the upstream offers nothing")
                self._enter(State.AWAY, UpstreamFailed("offers nothing"))
            await connection.changed()

    async def _ensure_started(self) -> None:
        if not self._started:
            await self._start(self.server)
            self._started = True

    def _enter(self, state: State, failure: UpstreamFailed | None) -> None:
        self.state, self.failure = state, failure
        self._on_change()
