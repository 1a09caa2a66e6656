"""Which call a question belongs to, and who runs meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mcpmesh.adopt.mcp_turns import NobodyAsked, Turns


class Call:
    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.waits = False


@asynccontextmanager
async def running(turns: Turns, call: Call) -> AsyncIterator[asyncio.Event]:
    """Run a call in a task of its own until the event is set."""
    started, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with turns.turn(call):
            started.set()
            await over.wait()

    task = asyncio.create_task(run())
    await started.wait()
    yield over
    over.set()
    await task


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_only_call_is_the_one_that_asked() -> None:
    turns = Turns(asking := set())
    call = Call("ask")
    async with running(turns, call):
        assert await turns.asker() is call
        assert asking == {"ask"}


async def test_others_are_waited_for_and_new_ones_wait() -> None:
    turns = Turns(set())
    one, two = Call("one"), Call("two")
    async with running(turns, one), running(turns, two) as two_over:
        asking = asyncio.create_task(turns.asker())
        await settle()
        third = turns.turn(Call("three"))
        entering = asyncio.create_task(third.__aenter__())
        await settle()
        assert not asking.done()
        assert not entering.done()
        two_over.set()
        assert await asking is one
        await entering
        await third.__aexit__(None, None, None)


async def test_a_question_of_nobody_or_of_anybody_is_refused() -> None:
    turns = Turns(asking := set(), patience=0.01)
    with pytest.raises(NobodyAsked, match="no call"):
        await turns.asker()
    async with running(turns, Call("one")), running(turns, Call("two")):
        with pytest.raises(NobodyAsked, match="several"):
            await turns.asker()
    assert asking == {"one", "two"}


async def test_a_tool_that_was_seen_to_ask_runs_alone_save_beside_those_that_wait() -> None:
    turns = Turns({"ask"})
    one, two = Call("ask"), Call("ask")
    async with running(turns, one):
        second = turns.turn(two)
        entering = asyncio.create_task(second.__aenter__())
        await settle()
        assert not entering.done()
        one.waits = True
        turns.tell()
        await entering
        # It goes on when it can be alone again.
        going_on = asyncio.create_task(turns.go_on(one))
        await settle()
        assert not going_on.done()
        await second.__aexit__(None, None, None)
        await going_on
