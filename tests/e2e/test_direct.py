"""A client that calls replicas itself, beside a router that may be stopped."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from mcpmesh import Client
from mcpmesh.errors import DeadlineExceeded, MeshError, ToolNotFound
from tests.e2e.commands import TOOLS, Command, command
from tests.eventually import eventually

ANY = "127.0.0.1:0"


class Mesh:
    """A router and three replicas."""

    def __init__(self, folder: Path, stack: ExitStack, *options: str) -> None:
        self.router = stack.enter_context(command(folder, "router", "--grpc", ANY, *options))
        serve = ("serve", TOOLS, "--router", self.router.grpc)
        self.replicas = [stack.enter_context(command(folder, *serve)) for _ in range(3)]

    def pids(self) -> set[str]:
        return {str(replica.process.pid) for replica in self.replicas}


async def direct(client: Client, mesh: Mesh) -> None:
    """Wait until calls reach every replica without the router."""
    await eventually(lambda: answered_without(client, mesh))


async def answered_without(client: Client, mesh: Mesh) -> bool:
    with stopped(mesh.router), suppress(MeshError):
        return set(await spread(client, 60, timeout=2)) == mesh.pids()
    return False


@contextmanager
def stopped(process: Command) -> Iterator[None]:
    """Have a process stand still."""
    os.kill(process.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.process.pid, signal.SIGCONT)


async def answered_by(client: Client, pids: set[str]) -> bool:
    return set(await spread(client, 60)) == pids


async def spread(client: Client, calls: int, timeout: float = 20) -> Counter[str]:
    answers = await asyncio.gather(*(client.call("who", timeout=timeout) for _ in range(calls)))
    return Counter(answer.data for answer in answers)


async def test_calls_need_no_router_once_the_registry_is_known(
    tmp_path: Path, stack: ExitStack
) -> None:
    mesh = Mesh(tmp_path, stack)
    async with Client(mesh.router.grpc, direct=True) as client:
        # At first through the router: nobody waits for the registry.
        assert (await client.call("echo", {"text": "hello"}, timeout=20)).data == "hello"
        await eventually(lambda: answered_by(client, mesh.pids()))
        await direct(client, mesh)
        with stopped(mesh.router):
            result = await client.call("echo", {"text": "alone"}, timeout=20)
            assert result.data == "alone"
            assert result.correlation_id
            seen = await client.call("seen", correlation_id="mine-1", timeout=20)
            assert seen.data["correlation_id"] == seen.correlation_id == "mine-1"
            failed = await client.call("fail", timeout=20)
            assert failed.is_error
            events = [event async for event in client.stream("flood", {"chunks": 3, "size": 4})]
            assert len(events) == 4
        with pytest.raises(ToolNotFound, match="echo"):
            await client.call("ecko", timeout=20)
        with pytest.raises(DeadlineExceeded):
            await client.call("hold", {"folder": str(tmp_path)}, timeout=0.2)


async def test_a_replica_that_is_killed_fails_no_idempotent_call(
    tmp_path: Path, stack: ExitStack
) -> None:
    mesh = Mesh(tmp_path, stack)
    async with Client(mesh.router.grpc, direct=True) as client:
        await direct(client, mesh)
        for _ in range(20):
            calls = asyncio.create_task(spread(client, 20))
            await asyncio.sleep(0)
            mesh.replicas[0].kill()
            await calls
        left = mesh.pids() - {str(mesh.replicas[0].process.pid)}
        await eventually(lambda: answered_by(client, left))
        # One that comes is found without being asked for.
        serve = ("serve", TOOLS, "--router", mesh.router.grpc)
        mesh.replicas[0] = stack.enter_context(command(tmp_path, *serve))
        await eventually(lambda: answered_by(client, mesh.pids()))


async def test_a_worker_tells_the_registry_too(tmp_path: Path, stack: ExitStack) -> None:
    mesh = Mesh(tmp_path, stack, "--workers", "2")
    async with Client(mesh.router.grpc, direct=True) as client:
        await eventually(lambda: answered_by(client, mesh.pids()))
        assert (await client.call("echo", {"text": "hello"}, timeout=20)).data == "hello"


async def test_what_only_the_router_reaches_goes_through_it(
    tmp_path: Path, stack: ExitStack
) -> None:
    router = stack.enter_context(command(tmp_path, "router", "--grpc", ANY))
    replica: Command = stack.enter_context(
        command(tmp_path, "serve", TOOLS, "--router", router.grpc)
    )
    async with Client(router.grpc, direct=True) as client:
        await eventually(lambda: answered_by(client, {str(replica.process.pid)}))
        async with client.converse("shout") as conversation:
            await conversation.send({})
            await conversation.send({"word": "hey"})
            await conversation.done_writing()
            events = [event async for event in conversation]
        assert "HEY" in [getattr(event, "text", "") for event in events]
        assert {tool.name for tool in await client.list_tools()} >= {"who", "echo"}


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one", "workers"])
async def test_a_bridge_of_its_own_needs_no_router_either(
    tmp_path: Path, stack: ExitStack, options: tuple[str, ...]
) -> None:
    mesh = Mesh(tmp_path, stack)
    told = ("--direct", "--tool", 'who={"balance": "round_robin"}', "--health", '{"slow_start": 0}')
    at = ("--http", ANY, "--router", mesh.router.grpc)
    bridge = stack.enter_context(command(tmp_path, "bridge", *at, *told, *options))
    async with httpx2.AsyncClient(base_url=bridge.url, timeout=60) as http:
        await eventually(lambda: bridged(http, mesh))


async def bridged(http: httpx2.AsyncClient, mesh: Mesh) -> bool:
    """Tell whether calls of a bridge reach all replicas while the router stands still."""
    said = {"name": "who", "arguments": {}, "_meta": {}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": said}
    headers = {"accept": "application/json, text/event-stream"}
    found = set()
    with stopped(mesh.router), suppress(httpx2.TimeoutException):
        for _ in range(12):
            answer = await http.post("/mcp", json=message, headers=headers, timeout=5)
            found.add(answer.json()["result"]["content"][0]["text"])
    return found == mesh.pids()
