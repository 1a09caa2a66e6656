"""`router --workers`: processes that share a port, and know the same replicas."""

import asyncio
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest

from mcpmesh.v1 import discovery_pb2
from tests.e2e.commands import TOOLS, Command, command
from tests.e2e.pages import METRICS, metrics_url, page
from tests.e2e.stubs import Stubs, request, text_of
from tests.eventually import eventually
from tests.processes import alive

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

        async def asks(replicas: set[str]) -> bool:
            # One that is new beside others gets few calls at first.
            return set(await asked(router.grpc)) == replicas

        at = ("--router", router.grpc)
        with command(tmp_path, "serve", TOOLS, *at) as one:
            with command(tmp_path, "serve", TOOLS, *at) as other:
                await eventually(lambda: all_know(2))
                both = {str(one.process.pid), str(other.process.pid)}
                await eventually(lambda: asks(both))

                async with Stubs(router.grpc) as stubs:
                    await stubs.text("who")
                    os.kill(workers[0], signal.SIGKILL)
                    # This connection's worker may be the dead one; a stock stub connects anew.
                    await eventually(lambda: answers(stubs))
                await eventually(lambda: len(router.children()) == 2)
                assert workers[1] in router.children()
                router.note_pids()
                await eventually(lambda: all_know(2))
                await eventually(lambda: asks(both))
                replicas = await listed(router.grpc)
                assert len(replicas) == 2
            await eventually(lambda: all_know(1))
        router.stop()
        assert not any(alive(pid) for pid in workers)


@asynccontextmanager
async def connected(router: Command, count: int = CONNECTIONS) -> AsyncIterator[list[Stubs]]:
    """Give connections that reach every worker."""
    async with AsyncExitStack() as stack:
        all_stubs = [await stack.enter_async_context(Stubs(router.grpc)) for _ in range(count)]
        for stubs in all_stubs:
            await eventually(lambda stubs=stubs: answers(stubs))
        assert all(connections(pid, router.grpc) for pid in router.children())
        yield all_stubs


def connections(pid: int, router: str) -> set[str]:
    """Return the callers' connections that a process has, by the numbers of their sockets."""
    port = f":{int(router.rpartition(':')[2]):04X}"
    open_now = {
        fields[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[1].endswith(port) and fields[3] == "01"
    }
    held = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(os.readlink(fd))
    return {inode for inode in open_now if f"socket:[{inode}]" in held}


async def test_only_the_calls_of_a_killed_worker_are_lost(tmp_path: Path) -> None:
    with (
        command(tmp_path, "router", "--workers", "2", "--grpc", ANY) as router,
        command(tmp_path, "serve", TOOLS, "--router", router.grpc),
    ):
        await eventually(lambda: _ready(router.grpc))
        async with connected(router) as all_stubs:
            failed: set[int] = set()
            answered = Counter[int]()

            async def call(number: int) -> None:
                while True:
                    if await answers(all_stubs[number]):
                        answered[number] += 1
                    else:
                        failed.add(number)
                    await asyncio.sleep(0.002)

            calling = [asyncio.create_task(call(number)) for number in range(CONNECTIONS)]
            dead, other = router.children()
            lost, kept = connections(dead, router.grpc), connections(other, router.grpc)
            assert len(lost) + len(kept) >= CONNECTIONS
            os.kill(dead, signal.SIGKILL)
            await eventually(lambda: len(router.children()) == 2)
            router.note_pids()
            # All go on, those of the dead worker over another one.
            before = answered.copy()
            await eventually(lambda: all(answered[n] > before[n] + 20 for n in range(CONNECTIONS)))
            assert kept <= connections(other, router.grpc)
            assert len(failed) <= len(lost)
            for task in calling:
                task.cancel()
            await asyncio.gather(*calling, return_exceptions=True)


@pytest.mark.parametrize("parent_is_killed", [False, True])
async def test_every_worker_finishes_its_calls_when_told_to_stop(
    tmp_path: Path, parent_is_killed: bool
) -> None:
    """Also when the process that starts them and keeps the registry dies."""
    options = ("--workers", "2", "--grpc", ANY, "--drain-grace", "600")
    with (
        command(tmp_path, "router", *options) as router,
        # With the router gone for good, it has nobody to take leave of.
        command(tmp_path, "serve", TOOLS, "--router", router.grpc),
    ):
        await eventually(lambda: _ready(router.grpc))
        workers = router.children()
        async with connected(router) as all_stubs:
            folders = [tmp_path / str(number) for number in range(CONNECTIONS)]
            held = []
            for stubs, folder in zip(all_stubs, folders, strict=True):
                folder.mkdir()
                held.append(stubs.tools.Invoke(request("hold", folder=str(folder), seconds=1.5)))
            await eventually(lambda: all((folder / "began").exists() for folder in folders))
            if parent_is_killed:
                router.kill()
            else:
                router.terminate()
            for call in held:
                assert text_of((await call).result) == "held"
            assert router.ended() == (-signal.SIGKILL if parent_is_killed else 0)
        await eventually(lambda: not any(alive(pid) for pid in workers))


SERVED = re.compile(r"^rpc_server_call_duration_seconds_count\{.*Invoke\".*\} (\d+)$", re.M)


async def test_metrics_and_readiness_are_of_all_workers(tmp_path: Path) -> None:
    with (
        command(tmp_path, "router", "--workers", "2", "--grpc", ANY, env=METRICS) as router,
        command(tmp_path, "serve", TOOLS, "--router", router.grpc),
    ):
        await eventually(lambda: _ready(router.grpc))
        url = metrics_url(router)
        assert (await asked(router.grpc)).total() == CONNECTIONS
        await eventually(lambda: served(url) == CONNECTIONS)
        assert await page(f"{url}/readyz") == (200, "ready\n")

        workers = router.children()
        os.kill(workers[0], signal.SIGKILL)
        await eventually(lambda: _is_missing(url, "router/"))
        assert served(url) == CONNECTIONS
        await eventually(lambda: _is_ready(url))
        router.note_pids()
        await eventually(lambda: _ready(router.grpc))
        assert (await asked(router.grpc)).total() == CONNECTIONS
        await eventually(lambda: served(url) == 2 * CONNECTIONS)


def served(url: str) -> int:
    with urlopen(f"{url}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    assert text.count("# TYPE rpc_server_call_duration_seconds ") == 1
    assert text.count("target_info{") == 1
    return sum(int(count) for count in SERVED.findall(text))


async def _is_missing(url: str, who: str) -> bool:
    status, text = await page(f"{url}/readyz")
    return status == 503 and text.startswith(f"not ready: {who}")


async def _is_ready(url: str) -> bool:
    return (await page(f"{url}/readyz"))[0] == 200


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
        assert len(workers) >= 2
        with command(tmp_path, "serve", TOOLS, "--router", grpc_endpoint):
            first.kill()
            await eventually(lambda: not any(alive(pid) for pid in workers))
            with command(tmp_path, *options, grpc_endpoint) as again:
                await eventually(lambda: _ready(again.grpc))


async def _ready(router: str) -> bool:
    return await known(router) == {(1, 1)}
