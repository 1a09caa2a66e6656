"""Replicas that are killed, that all fail, that are too few: real processes, real sockets.

    python -m benchmarks.balance.resilience [--seconds 60] [kill] [direct] [fail] [overload]

Prints what callers saw, and writes it to benchmarks/balance/resilience.json.
"""

import argparse
import asyncio
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import grpc
import uvloop
from grpc import StatusCode

from benchmarks.balance.open_loop import Outcomes, busy, percentile, steady
from benchmarks.harness.cpu import cpu_seconds
from benchmarks.harness.process import Process, Processes, free_port
from benchmarks.hops import mesh_argv
from mcpmesh.rpc.channel import Channel
from mcpmesh.rpc.server import Server
from mcpmesh.v1 import (
    discovery_pb2,
    discovery_pb2_grpc,
    invoke_pb2,
    invoke_pb2_grpc,
    tool_pb2,
)

RESULTS = Path(__file__).with_name("resilience.json")
_TOOLS = "benchmarks.programs.frail:app"
_RATE = 500.0
_REPLICAS = 4
_TURNS = 3
_ANSWERS = 200
_KILL_EVERY = 5.0
_AT_ONCE = 10
_FEW = {"seconds": 0.04}
Row = dict[str, Any]


class Mesh:
    """A router and replicas of the frail tools."""

    def __init__(self, processes: Processes, *options: str) -> None:
        self._processes = processes
        self.endpoint = f"127.0.0.1:{free_port()}"
        argv = mesh_argv("router", "--grpc", self.endpoint, *options)
        self.router = processes.start("router", argv, _port(self.endpoint))
        self._started = 0

    async def serve(self) -> Process:
        """Start a replica."""
        self._started += 1
        listen = f"127.0.0.1:{free_port()}"
        argv = mesh_argv("serve", _TOOLS, "--listen", listen, "--router", self.endpoint)
        return await asyncio.to_thread(
            self._processes.start, f"replica {self._started}", argv, _port(listen),
            {"AT_ONCE": str(_AT_ONCE)},
        )  # fmt: skip

    async def ready(self, tool: str, count: int) -> None:
        """Wait until so many replicas take calls."""
        await _ready(self.endpoint, tool, count)


async def kill(seconds: float) -> list[Row]:
    """Every few seconds one of four replicas is killed with signal 9 and started again."""
    return [await _killed(tool, seconds) for tool in ("look", "change")]


async def direct(seconds: float) -> list[Row]:
    """The same, and four clients call the replicas themselves."""
    return [await _killed(tool, seconds, direct=True) for tool in ("look", "change")]


async def _killed(tool: str, seconds: float, *, direct: bool = False) -> Row:
    folder = Path(tempfile.mkdtemp())
    try:
        with Processes() as processes:
            mesh = Mesh(processes)
            replicas = [await mesh.serve() for _ in range(_REPLICAS)]
            await mesh.ready(tool, _REPLICAS)
            load = asyncio.create_task(
                steady(mesh.endpoint, tool, _RATE, seconds, _noted(folder), direct=direct)
            )
            kills, following = 0, perf_counter()
            while not load.done():
                following += _KILL_EVERY
                await asyncio.wait([load], timeout=max(0.0, following - perf_counter()))
                if not load.done():
                    victim = kills % _REPLICAS
                    replicas[victim].kill()
                    kills += 1
                    replicas[victim] = await mesh.serve()
            return _row(
                f"{'direct clients, ' if direct else ''}kill -9 every {_KILL_EVERY:g} s, "
                f"{'' if tool == 'look' else 'not '}idempotent",
                load.result(),
                kills=kills,
                executed_twice=_executed_twice(folder),
                attempt_told=_told(load.result(), "(attempt "),
            )
    finally:
        shutil.rmtree(folder)


async def fail(seconds: float) -> list[Row]:
    """All replicas are well, then answer UNAVAILABLE, then are gone; and so on in turn.

    In turn, as CPU time per call depends on what else the machine does meanwhile. The replicas are
    in this process, so that attempts are counted where they arrive.
    """
    replicas = [Moody() for _ in range(_REPLICAS)]
    states = {state: _State() for state in ("well", "UNAVAILABLE", "gone")}
    with Processes() as processes:
        static = [word for each in replicas for word in ("--static", each.endpoint)]
        mesh = Mesh(processes, *static)
        for _ in range(_TURNS):
            async with AsyncExitStack() as running:
                for each in replicas:
                    each.well = True
                    await running.enter_async_context(each.serving())
                await mesh.ready("moody", _REPLICAS)
                await _answered(mesh.endpoint)
                await states["well"].add(mesh, replicas, seconds / _TURNS)
                for each in replicas:
                    each.well = False
                await states["UNAVAILABLE"].add(mesh, replicas, seconds / _TURNS)
            await states["gone"].add(mesh, replicas, seconds / _TURNS)
    healthy = states["well"].router_cpu_ratio
    return [
        _row(
            f"all replicas: {name}",
            state.outcomes,
            attempts_per_call=state.attempts / state.outcomes.calls,
            router_cpu_ratio=state.router_cpu_ratio,
            of_healthy_ratio=state.router_cpu_ratio / healthy,
            slowest_failure_ms=_slowest([each[4] for each in state.outcomes.failures]),
            messages=_messages(state.outcomes),
        )
        for name, state in states.items()
    ]


async def overload(seconds: float) -> list[Row]:
    """Twice as many calls as two replicas can do; each works on ten at once."""
    in_flight = 2 * _AT_ONCE
    rows = []
    for name, admission in {
        "twice the capacity, a limit that is right": {"in_flight": in_flight, "queue": in_flight},
        "twice the capacity, a limit that finds itself": {"adaptive": True, "in_flight": 200},
    }.items():
        with Processes() as processes:
            mesh = Mesh(processes, "--tool", f"few={json.dumps({'admission': admission})}")
            for _ in range(2):
                await mesh.serve()
            await mesh.ready("few", 2)
            capacity = await busy(mesh.endpoint, "few", in_flight * 3 // 2, min(seconds, 5.0), _FEW)
            outcomes = await steady(
                mesh.endpoint, "few", 2 * capacity, seconds, lambda _id: _FEW, timeout=2.0
            )
            shed = [each for each in outcomes.failures if each[1] == "RESOURCE_EXHAUSTED"]
            goodput = len(outcomes.answered) / outcomes.seconds
            rows.append(
                _row(
                    name,
                    outcomes,
                    capacity_per_second=capacity,
                    goodput_ratio=goodput / capacity,
                    shed_p50_ms=percentile([each[4] for each in shed], 0.5) * 1e3,
                    shed_p99_ms=percentile([each[4] for each in shed], 0.99) * 1e3,
                    shed_with_pushback=sum(bool(each[3]) for each in shed) / max(1, len(shed)),
                )
            )
    return rows


class Moody(invoke_pb2_grpc.ToolServiceServicer, discovery_pb2_grpc.DiscoveryServiceServicer):
    """A replica of an idempotent tool that is well, or fails every call."""

    def __init__(self) -> None:
        self.well = True
        self.attempts = 0
        self.endpoint = f"127.0.0.1:{free_port()}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Take calls meanwhile."""
        server = Server()
        invoke_pb2_grpc.add_ToolServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(self, server)  # type: ignore[no-untyped-call]
        server.add_insecure_port(self.endpoint)
        await server.start()
        try:
            yield
        finally:
            await server.stop(None)

    async def Invoke(self, request: Any, context: Any) -> Any:
        """Answer, or fail."""
        self.attempts += 1
        if not self.well:
            await context.abort(StatusCode.UNAVAILABLE, "the database is away")
        return invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult())

    async def ListTools(self, request: Any, context: Any) -> Any:
        """Name the tool."""
        hints = tool_pb2.ToolAnnotations(idempotent_hint=True)
        tool = tool_pb2.Tool(name="moody", version="1", annotations=hints)
        return discovery_pb2.ListToolsResponse(tools=[discovery_pb2.ToolStatus(tool=tool)])


class _State:
    """What was measured while all replicas were in one state."""

    def __init__(self) -> None:
        self.outcomes = Outcomes()
        self.attempts = 0
        self.cpu = 0.0

    @property
    def router_cpu_ratio(self) -> float:
        """CPU seconds of the router per second."""
        return self.cpu / self.outcomes.seconds

    async def add(self, mesh: Mesh, replicas: list[Moody], seconds: float) -> None:
        """Make calls for some seconds."""
        attempts = sum(each.attempts for each in replicas)
        cpu = cpu_seconds([mesh.router.pid])
        outcomes = await steady(mesh.endpoint, "moody", _RATE, seconds, lambda _id: {})
        self.cpu += cpu_seconds([mesh.router.pid]) - cpu
        self.attempts += sum(each.attempts for each in replicas) - attempts
        self.outcomes.add(outcomes)


async def _answered(router: str) -> None:
    """Wait until calls are answered, each of which may be one of a few that are tried."""
    async with asyncio.timeout(30), Channel(router) as channel:
        stub: Any = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]
        answered = 0
        while answered < _ANSWERS:
            try:
                await stub.Invoke(invoke_pb2.InvokeRequest(tool="moody"), timeout=5)
                answered += 1
            except grpc.RpcError:
                answered = 0
                await asyncio.sleep(0.05)


async def _ready(router: str, tool: str, count: int) -> None:
    async with asyncio.timeout(30), Channel(router) as channel:
        stub: Any = discovery_pb2_grpc.DiscoveryServiceStub(channel)  # type: ignore[no-untyped-call]
        while True:
            try:
                status = await stub.GetTool(discovery_pb2.GetToolRequest(name=tool))
                if status.ready_replicas == count:
                    return
            except grpc.RpcError:
                pass
            await asyncio.sleep(0.1)


def _noted(folder: Path) -> Callable[[str], dict[str, Any]]:
    return lambda id: {"folder": str(folder), "id": id}


def _executed_twice(folder: Path) -> int:
    counts = Counter(id for path in folder.iterdir() for id in path.read_text().splitlines())
    return sum(count > 1 for count in counts.values())


def _messages(outcomes: Outcomes) -> dict[str, int]:
    """Count the commonest messages, without the numbers that tell calls apart."""
    gists = (re.sub(r"[0-9.]+", "N", message) for _, _, message, *_ in outcomes.failures)
    return dict(Counter(gists).most_common(3))


def _slowest(seconds: list[float]) -> float:
    return max(seconds, default=0.0) * 1e3


def _told(outcomes: Outcomes, words: str) -> float:
    failures = outcomes.failures
    return sum(words in message for _, _, message, *_ in failures) / max(1, len(failures))


def _row(name: str, outcomes: Outcomes, **more: object) -> Row:
    answered = outcomes.answered
    return {
        "scenario": name,
        "calls": outcomes.calls,
        "failed": len(outcomes.failures),
        "codes": outcomes.codes,
        "p50_ms": percentile(answered, 0.5) * 1e3,
        "p99_ms": percentile(answered, 0.99) * 1e3,
        "slowest_ms": _slowest(answered),
        **more,
    }


def _port(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


SCENARIOS: dict[str, Callable[[float], Coroutine[Any, Any, list[Row]]]] = {
    "kill": kill,
    "direct": direct,
    "fail": fail,
    "overload": overload,
}


def main() -> None:
    """Run scenarios, print and write what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--no-results", action="store_true", help="print, and write nothing")
    asked = parser.parse_args()
    known: dict[str, list[Row]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in asked.scenarios:
        known[name] = uvloop.run(SCENARIOS[name](asked.seconds))
        for row in known[name]:
            print(*(f"{key}: {_shown(value)}" for key, value in row.items()), sep="\n  ")
        if not asked.no_results:
            RESULTS.write_text(json.dumps(known, indent=1) + "\n")


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
