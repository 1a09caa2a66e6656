"""Runs what is adopted: a tool server and a keeper for each copy, from start to end."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from mcpmesh.adopt.copy import Copy, State
from mcpmesh.adopt.upstream import Upstream
from mcpmesh.sdk.tool_server import ToolServer

#: Starts the tool server of the copy with this index.
Start = Callable[[int, ToolServer], Awaitable[object]]


class Adopter:
    """The copies of several upstreams, each for itself: none waits for another.

    `prepare` gets each tool server before it starts. Used as `async with`: copies connect on
    entering; on leaving the replicas drain for up to `grace` seconds, then the upstreams end.
    """

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        start: Start,
        *,
        grace: float,
        prepare: Callable[[ToolServer], object] = lambda _: None,
    ) -> None:
        self._grace = grace
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.copies: list[Copy] = []
        numbers: Counter[str] = Counter()
        for index, upstream in enumerate(upstreams):
            numbers[upstream.name] += 1
            server = ToolServer(upstream.name)
            prepare(server)
            self.copies.append(
                Copy(
                    f"{upstream.name}/{numbers[upstream.name]}",
                    upstream,
                    server,
                    _starter(start, index),
                    on_change=self._changed.set,
                )
            )

    def __repr__(self) -> str:
        serving = sum(copy.state is State.SERVING for copy in self.copies)
        return f"Adopter({serving} of {len(self.copies)} serving)"

    async def __aenter__(self) -> "Adopter":
        self._tasks = [asyncio.create_task(copy.keep()) for copy in self.copies]
        return self

    async def __aexit__(self, *_: object) -> None:
        # The replicas first: their calls need the upstreams until they end.
        servers = (copy.server.stop(self._grace) for copy in self.copies)
        try:
            await asyncio.gather(*servers, return_exceptions=True)
        finally:
            for task in self._tasks:
                task.cancel()
            # Bounded by how long a process gets to end.
            await asyncio.shield(asyncio.gather(*self._tasks, return_exceptions=True))

    async def settled(self) -> None:
        """Wait until each copy serves or was away once, and routers know those that serve."""
        while any(copy.state is State.CONNECTING for copy in self.copies):
            self._changed.clear()
            await self._changed.wait()
        await asyncio.gather(*map(self._known, self.serving))

    async def _known(self, copy: Copy) -> None:
        """Wait until routers know a copy, unless it is lost meanwhile."""
        registered = asyncio.ensure_future(copy.server.registered())
        try:
            while copy.state is State.SERVING and not registered.done():
                self._changed.clear()
                changed = asyncio.ensure_future(self._changed.wait())
                try:
                    first = asyncio.FIRST_COMPLETED
                    await asyncio.wait((registered, changed), return_when=first)
                finally:
                    changed.cancel()
        finally:
            registered.cancel()

    @property
    def serving(self) -> list[Copy]:
        """The copies that serve."""
        return [copy for copy in self.copies if copy.state is State.SERVING]

    @property
    def hopeless(self) -> list[Copy]:
        """The copies that nobody can help who does not change something."""
        return [copy for copy in self.copies if copy.failure is not None and copy.failure.final]


def _starter(start: Start, index: int) -> Callable[[ToolServer], Awaitable[object]]:
    return lambda server: start(index, server)
