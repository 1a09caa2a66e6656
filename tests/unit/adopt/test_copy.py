"""A copy of an upstream: served while it is there, out of the mesh while it is away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random

from mcpmesh import ToolContext, ToolServer
from mcpmesh.adopt.copy import Copy, State
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.model.tool import Tool
from mcpmesh.policy.backoff import Backoff
from mcpmesh.sdk.offered import offered
from mcpmesh.sdk.tool import ToolFunction


async def echo(arguments: bytes, context: ToolContext) -> str:
    return arguments.decode()


class Toys:
    """An upstream that a test drives: it fails as often as asked, and then offers `names`."""

    name = "toys"

    def __init__(self, *names: str, failures: int = 0) -> None:
        self.names = names
        self.failures = failures
        self.connected = 0
        self.open = 0
        self.news: asyncio.Queue[Exception | None] = asyncio.Queue()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Toys"]:
        self.connected += 1
        if self.connected <= self.failures:
            raise UpstreamFailed(f"failure {self.connected}")
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    async def entries(self) -> Sequence[ToolFunction]:
        return [offered(Tool(name), echo) for name in self.names]

    async def changed(self) -> None:
        news = await self.news.get()
        if news is not None:
            raise news


class Kept:
    """A copy under test, and the waits it took."""

    def __init__(self, toys: Toys) -> None:
        self.toys = toys
        self.server = ToolServer("toys")
        self.started = 0
        self.waits: list[float] = []
        self.changed = asyncio.Event()
        backoff = Backoff(first=1.0, factor=2.0, longest=3.0, jitter=0.0)
        self.copy = Copy(
            "toys/1",
            toys,
            self.server,
            self.start,
            backoff=backoff,
            rng=Random(1),
            sleep=self.sleep,
            on_change=self.changed.set,
        )

    async def start(self, server: ToolServer) -> None:
        self.started += 1

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    @property
    def names(self) -> list[str]:
        return [tool.name for tool in self.server.tools]

    async def until(self, state: State) -> None:
        async with asyncio.timeout(5):
            while self.copy.state is not state:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def kept(toys: Toys) -> AsyncIterator[Kept]:
    kept = Kept(toys)
    task = asyncio.create_task(kept.copy.keep())
    try:
        yield kept
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert kept.copy.state is State.STOPPED
        assert toys.open == 0


async def test_an_upstream_is_tried_again_less_and_less_often() -> None:
    async with kept(Toys("ball", failures=4)) as copy:
        await copy.until(State.SERVING)
        assert copy.waits == [1.0, 2.0, 3.0, 3.0]
        assert copy.names == ["ball"]
        assert copy.started == 1


async def test_a_lost_upstream_leaves_the_mesh_and_comes_back_under_the_same_server() -> None:
    toys = Toys("ball")
    async with kept(toys) as copy:
        await copy.until(State.SERVING)
        toys.failures = 2
        toys.news.put_nowait(UpstreamFailed("died"))
        await copy.until(State.AWAY)
        assert copy.names == []
        assert copy.copy.failure is not None
        await copy.until(State.SERVING)
        assert (copy.names, copy.started) == (["ball"], 1)


async def test_a_change_of_the_offer_is_served_and_none_is_out_of_the_mesh() -> None:
    toys = Toys("ball")
    async with kept(toys) as copy:
        await copy.until(State.SERVING)
        toys.names = ()
        toys.news.put_nowait(None)
        await copy.until(State.AWAY)
        assert copy.names == []
        toys.names = ("top", "kite", "top")
        toys.news.put_nowait(None)
        await copy.until(State.SERVING)
        assert copy.names == ["top", "kite"]
        assert toys.connected == 1


async def test_a_bug_of_an_adapter_is_one_failure_among_others() -> None:
    toys = Toys("ball")
    async with kept(toys) as copy:
        await copy.until(State.SERVING)
        toys.news.put_nowait(KeyError("oops"))
        await copy.until(State.AWAY)
        await copy.until(State.SERVING)
        assert toys.connected == 2
