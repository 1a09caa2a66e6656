"""Several upstreams side by side: none waits for another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mcpmesh import ToolContext, ToolServer
from mcpmesh.adopt.adopter import Adopter
from mcpmesh.adopt.copy import State
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.model.tool import Tool
from mcpmesh.sdk.offered import offered
from mcpmesh.sdk.tool import ToolFunction


async def echo(arguments: bytes, context: ToolContext) -> str:
    return arguments.decode()


class Toys:
    """An upstream that is there, or never is."""

    def __init__(self, name: str, *, there: bool = True) -> None:
        self.name = name
        self.there = there
        self.lost = asyncio.Event()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Toys"]:
        if not self.there:
            raise UpstreamFailed("is not there", final=True)
        yield self

    async def entries(self) -> Sequence[ToolFunction]:
        return [offered(Tool(f"{self.name}_ball"), echo)]

    async def changed(self) -> None:
        await self.lost.wait()
        self.there = False
        raise UpstreamFailed("died")


async def test_one_that_cannot_be_had_hides_no_other() -> None:
    started: list[int] = []

    async def start(index: int, server: ToolServer) -> None:
        started.append(index)

    upstreams = [Toys("a"), Toys("b", there=False), Toys("a")]
    async with Adopter(upstreams, start, grace=0) as adopter:
        await adopter.settled()
        assert [copy.label for copy in adopter.copies] == ["a/1", "b/1", "a/2"]
        assert [copy.label for copy in adopter.serving] == ["a/1", "a/2"]
        assert [copy.label for copy in adopter.hopeless] == ["b/1"]
        assert sorted(started) == [0, 2]
    assert {copy.state for copy in adopter.copies} == {State.STOPPED}


async def test_one_that_is_lost_before_routers_know_it_is_not_waited_for() -> None:
    toys = Toys("a")

    async def start(index: int, server: ToolServer) -> None:
        # No router answers here, so it is never registered.
        await server.start(router="127.0.0.1:9")

    async with Adopter([toys], start, grace=0) as adopter:
        settling = asyncio.create_task(adopter.settled())
        await asyncio.wait((settling,), timeout=0.05)
        assert not settling.done()
        toys.lost.set()
        async with asyncio.timeout(10):
            await settling
        assert adopter.serving == []
