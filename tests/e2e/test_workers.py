"""`router --workers`: processes that share a port, and know the same replicas."""

import os
import signal
from collections import Counter
from pathlib import Path

import grpc

from mcpmesh.v1 import discovery_pb2
from tests.e2e.commands import TOOLS, alive, command, eventually
from tests.e2e.stubs import Stubs

ANY = "127.0.0.1:0"
CONNECTIONS = 16


async def asked(router: str) -> Counter[str]:
    """Call over connections of their own, so over every worker; count the answers."""
    answers: Counter[str] = Counter()
    for _ in range(CONNECTIONS):
        async with Stubs(router) as stubs:
            answers[await stubs.text("who")] += 1
    return answers


async def known(router: str) -> set[tuple[int, int]]:
    """Return what workers say of the replicas of `who`."""
    answers = set()
    for _ in range(CONNECTIONS):
        async with Stubs(router) as stubs:
            answers.add(await stubs.ready("who"))
    return answers


async def test_workers_know_all_replicas_and_are_replaced_when_they_die(tmp_path: Path) -> None:
    with command(tmp_path, "router", "--workers", "2", "--grpc", ANY) as router:
        workers = router.children()
        assert len(workers) == 2

        async def all_know(count: int) -> bool:
            return await known(router.grpc) == {(count, count)}

        at = ("--router", router.grpc)
        with command(tmp_path, "serve", TOOLS, *at) as one:
            with command(tmp_path, "serve", TOOLS, *at) as other:
                await eventually(lambda: all_know(2))
                both = {str(one.process.pid), str(other.process.pid)}
                assert set(await asked(router.grpc)) == both

                async with Stubs(router.grpc) as stubs:
                    await stubs.text("who")
                    os.kill(workers[0], signal.SIGKILL)
                    # This connection's worker may be the dead one; a stock stub connects anew.
                    await eventually(lambda: answers(stubs))
                await eventually(lambda: len(router.children()) == 2)
                assert workers[1] in router.children()
                router.note_pids()
                await eventually(lambda: all_know(2))
                assert set(await asked(router.grpc)) == both
                replicas = await listed(router.grpc)
                assert len(replicas) == 2
            await eventually(lambda: all_know(1))
        router.stop()
        assert not any(alive(pid) for pid in workers)


async def answers(stubs: Stubs) -> bool:
    try:
        await stubs.text("who")
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            return False
        raise
    return True


async def listed(router: str) -> list[str]:
    async with Stubs(router) as stubs:
        response = await stubs.discovery.ListReplicas(discovery_pb2.ListReplicasRequest())
        return [each.replica.id for each in response.replicas]


async def test_workers_registry_may_die_with_all_and_come_again(tmp_path: Path) -> None:
    """Kill the parent: its workers end, and the replica finds the next router on the port."""
    options = ("router", "--workers", "2", "--grpc")
    with command(tmp_path, *options, ANY) as first:
        grpc_endpoint = first.grpc
        workers = first.children()
        with command(tmp_path, "serve", TOOLS, "--router", grpc_endpoint):
            first.kill()
            await eventually(lambda: not any(alive(pid) for pid in workers))
            with command(tmp_path, *options, grpc_endpoint) as again:
                await eventually(lambda: _ready(again.grpc))


async def _ready(router: str) -> bool:
    return await known(router) == {(1, 1)}
