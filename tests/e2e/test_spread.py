"""Three replicas of a tool as processes: how calls spread, and what happens when some die."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError

from tests.e2e.commands import TOOLS, Command, command
from tests.e2e.load import Load
from tests.e2e.stubs import Stubs
from tests.e2e.test_trace import post
from tests.eventually import eventually

ANY = "127.0.0.1:0"


def serve(folder: Path, router: str, stack: ExitStack) -> Command:
    return stack.enter_context(command(folder, "serve", TOOLS, "--router", router))


async def test_calls_spread_and_outlive_replicas_and_the_router(
    tmp_path: Path, stack: ExitStack
) -> None:
    with ExitStack() as outer:
        router = outer.enter_context(command(tmp_path, "router", "--grpc", ANY))
        replicas = [serve(tmp_path, router.grpc, stack) for _ in range(3)]
        async with Stubs(router.grpc) as stubs:
            await even(stubs, replicas)
            await without_one(stubs, replicas)
            replicas[0] = serve(tmp_path, router.grpc, stack)
            await eventually(lambda: has(stubs, (3, 3)))
            await even(stubs, replicas)
        router.kill()
        with command(tmp_path, "router", "--grpc", router.grpc) as again:
            assert again.grpc == router.grpc
            async with Stubs(again.grpc) as stubs:
                await eventually(lambda: has(stubs, (3, 3)))
                await even(stubs, replicas)
            for replica in replicas:
                replica.stop()


async def has(stubs: Stubs, counts: tuple[int, int]) -> bool:
    return await stubs.ready("who") == counts


async def even(stubs: Stubs, replicas: list[Command]) -> None:
    """Wait until a thousand calls spread over the replicas within 20 % of even.

    At first they may not: one that was slow to begin, on a busy machine, gets few for a while.
    """
    pids = {str(replica.process.pid) for replica in replicas}

    async def spread() -> bool:
        counts = await stubs.spread("who", 1000)
        assert set(counts) <= pids
        even = all(1000 / 3 * 0.8 < number < 1000 / 3 * 1.2 for number in counts.values())
        return even and set(counts) == pids

    await eventually(spread)


async def without_one(stubs: Stubs, replicas: list[Command]) -> None:
    """Kill a replica amid calls: none fails, it is out of rotation at once, gone with its lease."""
    dead = str(replicas[0].process.pid)
    counts: Counter[str] = Counter()
    for number in range(300):
        if number == 50:
            replicas[0].kill()
        counts[await stubs.text("who")] += 1
        if number == 50:
            counts.clear()
    assert counts[dead] == 0
    assert await stubs.ready("who") in ((3, 2), (2, 2))
    await eventually(lambda: has(stubs, (2, 2)))


async def test_replica_that_is_stopped_for_a_while_loses_and_regains_its_place(
    tmp_path: Path, stack: ExitStack
) -> None:
    with command(tmp_path, "router", "--grpc", ANY) as router:
        first, second = (serve(tmp_path, router.grpc, stack) for _ in range(2))
        async with Stubs(router.grpc) as stubs:
            await eventually(lambda: has(stubs, (2, 2)))
            os.kill(first.process.pid, signal.SIGSTOP)
            try:
                await eventually(lambda: has(stubs, (1, 1)))
                assert set(await stubs.spread("who", 20)) == {str(second.process.pid)}
            finally:
                os.kill(first.process.pid, signal.SIGCONT)
            await eventually(lambda: has(stubs, (2, 2)))
            assert len(await stubs.spread("who", 50)) == 2
        second.stop()
        first.stop()


async def test_no_call_fails_while_replicas_are_replaced_under_load(
    tmp_path: Path, stack: ExitStack
) -> None:
    """SIGTERM and a start, one replica after the other; a tool that is not idempotent."""
    with command(tmp_path, "router", "--grpc", ANY) as router:
        replicas = [serve(tmp_path, router.grpc, stack) for _ in range(2)]
        load = Load(router.grpc, "echo", text="x")
        for index in range(2):
            await load.more(300)
            newcomer = serve(tmp_path, router.grpc, stack)
            await load.more(100)
            replicas[index].stop()
            replicas[index] = newcomer
        await load.more(300)
        await load.end()
        assert load.failures == []
        for replica in replicas:
            replica.stop()


async def test_no_call_of_an_idempotent_tool_fails_when_a_replica_is_killed_under_load(
    tmp_path: Path, stack: ExitStack
) -> None:
    with command(tmp_path, "router", "--grpc", ANY) as router:
        replicas = [serve(tmp_path, router.grpc, stack) for _ in range(3)]
        load = Load(router.grpc, "who")
        await load.more(300)
        replicas[0].kill()
        await load.more(300)
        replicas[1].kill()
        await load.more(300)
        await load.end()
        assert load.failures == []
        replicas[2].stop()


async def test_bridge_outlives_its_router(tmp_path: Path, stack: ExitStack) -> None:
    with command(tmp_path, "router", "--grpc", ANY) as router:
        at = ("--router", router.grpc)
        bridge = stack.enter_context(command(tmp_path, "bridge", "--http", ANY, *at))
        replica = serve(tmp_path, router.grpc, stack)

        async def works() -> bool:
            try:
                _, body = await asyncio.to_thread(post, bridge.url, "echo", {}, text="hi")
            except HTTPError as error:  # the router is there, the tool is not yet
                error.close()
                return False
            result = body["result"]
            return not result["isError"] and result["content"][0]["text"] == "hi"

        await eventually(works)
        router.kill()
        _, body = await asyncio.to_thread(post, bridge.url, "echo", {}, text="hi")
        assert body["result"]["isError"] is True
        assert body["result"]["_meta"]["mcpmesh/error"]["code"] == "UNAVAILABLE"
        with command(tmp_path, "router", "--grpc", router.grpc):
            await eventually(works)
            replica.stop()
            bridge.stop()
