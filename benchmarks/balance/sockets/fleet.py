"""Replicas and a router as processes, faults carried out on them, and what the router thinks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from benchmarks.balance.proxy import PASS, FaultProxy, Kind
from benchmarks.balance.proxy import Fault as ProxyFault
from benchmarks.balance.sockets.scenario import Fault, Scenario
from benchmarks.harness.process import ROOT, WORK, clean_environment
from mcpmesh.rpc.channel import Channel
from mcpmesh.sdk.client import Client
from mcpmesh.sdk.tool_info import ReplicaInfo
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

_PATIENCE = 60.0
#: What the processes write to stderr.
_LOG = WORK / "sockets.log"
_BLACK_HOLE = ProxyFault(Kind.BLACK_HOLE)


class Lab:
    """A replica process of the laboratory, and where the router reaches it."""

    def __init__(self, process: asyncio.subprocess.Process, endpoint: str) -> None:
        self.process = process
        self.direct = endpoint
        self.endpoint = endpoint
        self.proxy: FaultProxy | None = None
        self._channel = Channel(endpoint)
        self._stub: Any = invoke_pb2_grpc.ToolServiceStub(self._channel)  # type: ignore[no-untyped-call]

    async def behave(self, **behaviour: object) -> int:
        """Have it behave so from now on; return how often it worked so far."""
        request = invoke_pb2.InvokeRequest(tool="behave", arguments=json.dumps(behaviour).encode())
        answer = await self._stub.Invoke(request, timeout=_PATIENCE)
        return int(answer.result.content[0].text.text)

    async def suffer(self, fault: Fault) -> None:
        """Begin a fault."""
        if fault.slower != 1 or fault.errors:
            await self.behave(slower=fault.slower, errors=fault.errors, takes=fault.takes)
        if fault.black_hole:
            assert self.proxy is not None
            self.proxy.do(_BLACK_HOLE)
        if fault.stopped:
            os.kill(self.process.pid, signal.SIGSTOP)

    async def heal(self, fault: Fault) -> None:
        """End a fault."""
        if fault.stopped:
            os.kill(self.process.pid, signal.SIGCONT)
        if self.proxy is not None:
            self.proxy.do(PASS)
        if fault.slower != 1 or fault.errors:
            await self.behave(slower=1.0, errors=0.0)

    async def close(self) -> None:
        """End the process, even a stopped one."""
        await self._channel.close()
        await end(self.process)


class Fleet:
    """All replicas of a run, and a client of their router."""

    def __init__(self, replicas: Sequence[Lab], client: Client, router: str) -> None:
        self.replicas = replicas
        self.client = client
        self.router = router

    async def seen(self) -> list[ReplicaInfo]:
        """Return what the router thinks of each replica, in our order."""
        shown = {info.replica.endpoint: info for info in await self.client.list_replicas("work")}
        return [shown[each.endpoint] for each in self.replicas]


@asynccontextmanager
async def fleet(scenario: Scenario, settings: Mapping[str, Any]) -> AsyncIterator[Fleet]:
    """Run a scenario's replicas, and a router that treats their tool so."""
    async with AsyncExitStack() as stack:
        holes = {
            number for fault in scenario.fault if fault.black_hole for number in fault.replicas
        }
        replicas = []
        for number in range(scenario.replicas):
            replica = await _start_replica(scenario.idempotent)
            stack.push_async_callback(replica.close)
            if number in holes:
                replica.proxy = await stack.enter_async_context(FaultProxy(replica.direct))
                replica.endpoint = replica.proxy.endpoint
            service = scenario.service
            await replica.behave(mean=service.mean, shape=service.shape)
            replicas.append(replica)
        router = await start_router(
            stack, *(f"--static={each.endpoint}" for each in replicas),
            f"--tool=work={json.dumps(settings)}",
        )  # fmt: skip
        client = await stack.enter_async_context(Client(router))
        async with asyncio.timeout(_PATIENCE):
            while not await _all_ready(client, len(replicas)):
                await asyncio.sleep(0.05)
        yield Fleet(replicas, client, router)


async def start_router(stack: AsyncExitStack, *options: str) -> str:
    """Start a router that ends with the stack; return its endpoint."""
    process = await _start("-m", "mcpmesh", "router", "--grpc=127.0.0.1:0", *options)
    stack.push_async_callback(end, process)
    line = await _line(process)
    return line.partition("grpc=")[2].split()[0]


async def start_program(*argv: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start a Python program; return it and the first line that it prints."""
    process = await _start(*argv)
    return process, await _line(process)


async def end(process: asyncio.subprocess.Process) -> None:
    """End a process that we started, even a stopped one."""
    if process.returncode is not None:
        return
    process.terminate()
    process.send_signal(signal.SIGCONT)
    try:
        await asyncio.wait_for(process.wait(), 10.0)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _start_replica(idempotent: bool) -> Lab:
    process, endpoint = await start_program(
        "-m", "benchmarks.balance.sockets.replica", str(idempotent)
    )
    return Lab(process, endpoint)


async def _start(*argv: str) -> asyncio.subprocess.Process:
    WORK.mkdir(exist_ok=True)
    with _LOG.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
            env=clean_environment(),
        )  # fmt: skip


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), _PATIENCE)
    if not line:
        raise RuntimeError(f"process {process.pid} ended before it was ready; see {_LOG}")
    return line.decode().strip()


async def _all_ready(client: Client, count: int) -> bool:
    tools = await client.list_tools()
    return bool(tools) and tools[0].ready_replicas == count
