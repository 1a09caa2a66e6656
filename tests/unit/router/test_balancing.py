"""Balancing policies over real sockets: what they ask of replicas, and whom they pick."""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from time import perf_counter
from typing import Any

import grpc
import orjson
import pytest

from mcpmesh import Client, ToolServer
from mcpmesh.balance.asking import asking
from mcpmesh.balance.turns import reported_weights
from mcpmesh.config import RouterSettings
from mcpmesh.policy.balancing import Balancing
from mcpmesh.router.wiring import Router
from mcpmesh.rpc.channel import Channel
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc, load_pb2, load_pb2_grpc, tool_pb2
from tests.eventually import eventually
from tests.listening import listening

ANY = "127.0.0.1:0"


@asynccontextmanager
async def routing(balance: object, *static: str) -> AsyncIterator[tuple[Router, str]]:
    tool = f"who={orjson.dumps({'balance': balance}).decode()}"
    settings = RouterSettings(grpc=ANY, static=static, tool=(tool,))
    router = Router(settings, without_exporters(Random(1)))
    endpoint = await router.start()
    try:
        yield router, endpoint
    finally:
        await router.stop(0)


@asynccontextmanager
async def serving(name: str, router: str, seconds: float = 0.0) -> AsyncIterator[ToolServer]:
    """Run a tool server whose only tool says its name."""
    app = ToolServer(name)

    @app.tool(name="who", version="1")
    async def who(user: str = "") -> str:
        if seconds:
            await asyncio.sleep(seconds)
        return name

    await app.start(ANY, router)
    await app.registered()
    try:
        yield app
    finally:
        await app.stop(0)


class StockServicer(invoke_pb2_grpc.ToolServiceServicer):
    """What anybody would write with grpcio, without a LoadService."""

    def __init__(self, name: str, trailers: tuple[tuple[str, bytes], ...] = ()) -> None:
        self._name = name
        self._trailers = trailers

    async def Invoke(self, _request: Any, context: Any) -> Any:
        context.set_trailing_metadata(self._trailers)
        text = tool_pb2.Content(text=tool_pb2.TextContent(text=self._name))
        return invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult(content=[text]))


@asynccontextmanager
async def stock(name: str, *trailers: tuple[str, bytes]) -> AsyncIterator[str]:
    server = grpc.aio.server()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(StockServicer(name, trailers), server)
    async with listening(server) as port:
        yield f"127.0.0.1:{port}"


async def answers(endpoint: str, count: int, *, at_once: int = 1, **arguments: str) -> Counter[str]:
    """Call many times; count who answered."""
    counts: Counter[str] = Counter()
    async with Client(endpoint) as client:
        for _ in range(0, count, at_once):
            calls = (client.call("who", arguments) for _ in range(at_once))
            counts.update(result.text for result in await asyncio.gather(*calls))
    return counts


async def all_ready(router: Router, count: int) -> None:
    await eventually(lambda: len(picker_of(router).candidates) == count)


def picker_of(router: Router) -> Any:
    route = router._pool.routes.find("who")
    return route.picker if route is not None else type("none", (), {"candidates": ()})


async def test_prequal_asks_replicas_and_keeps_away_from_a_slow_one() -> None:
    async with AsyncExitStack() as stack:
        router, endpoint = await stack.enter_async_context(routing("prequal"))
        for name, seconds in (("a", 0.0), ("b", 0.0), ("slow", 0.3)):
            await stack.enter_async_context(serving(name, endpoint, seconds))
        await all_ready(router, 3)
        await answers(endpoint, 30, at_once=10)
        counts = await answers(endpoint, 60, at_once=2)
        assert counts["slow"] <= 6
        assert counts["a"] + counts["b"] >= 54
        (picker,) = asking(picker_of(router))
        await eventually(lambda: not picker.pool.questions)


async def test_a_server_says_its_load_to_any_grpc_client() -> None:
    async with routing("p2c") as (router, endpoint), serving("a", endpoint, 0.05) as app:
        assert app.replica is not None
        await all_ready(router, 1)
        async with grpc.aio.insecure_channel(app.replica.endpoint) as channel:
            probe = load_pb2_grpc.LoadServiceStub(channel).Probe
            first = await probe(load_pb2.ProbeRequest(tool="who"))
            assert first == load_pb2.ProbeResponse()
            assert await probe(load_pb2.ProbeRequest(tool="none")) == load_pb2.ProbeResponse()
            await answers(endpoint, 3)
            after = await probe(load_pb2.ProbeRequest(tool="who"))
            assert after.in_flight == 0
            assert 50_000_000 <= after.latency.nanos < 1_000_000_000


async def test_stock_servers_are_judged_by_what_the_router_sees_of_them() -> None:
    async with (
        stock("x") as one,
        stock("y") as other,
        routing("prequal", f"{one}=who", f"{other}=who") as (router, endpoint),
    ):
        await all_ready(router, 2)
        counts = await answers(endpoint, 40, at_once=4)
        assert set(counts) == {"x", "y"}
        (picker,) = asking(picker_of(router))
        assert len(picker.pool) > 0
        await eventually(lambda: not picker.pool.questions)


def orca(utilisation: float, calls_per_second: float) -> tuple[str, bytes]:
    report = struct.pack("<BdBd", 6 << 3 | 1, calls_per_second, 9 << 3 | 1, utilisation)
    return "endpoint-load-metrics-bin", report


async def test_load_reports_weigh_replicas_and_do_not_reach_the_caller() -> None:
    balance = {"policy": "weighted", "blackout": 0.0}
    async with (
        stock("full", orca(0.9, 100)) as full,
        stock("idle", orca(0.1, 100)) as idle,
        routing(balance, f"{full}=who", f"{idle}=who") as (router, endpoint),
    ):
        await all_ready(router, 2)
        # Now the picker asks for reports.
        await answers(endpoint, 1)
        # Of our own, because grpcio takes this trailer for itself.
        async with Channel(endpoint) as channel:
            for _ in range(4):
                call = invoke_pb2_grpc.ToolServiceStub(channel).Invoke(
                    invoke_pb2.InvokeRequest(tool="who")
                )
                await call
                assert "endpoint-load-metrics-bin" not in dict(await call.trailing_metadata())
        weights = reported_weights(Balancing("weighted", blackout=0.0))
        full_weight, idle_weight = sorted(weights(picker_of(router).candidates, perf_counter()))
        assert idle_weight == pytest.approx(9 * full_weight)


async def test_calls_with_the_same_key_meet_at_one_replica() -> None:
    balance = {"policy": "hash", "key": "argument:user"}
    async with AsyncExitStack() as stack:
        router, endpoint = await stack.enter_async_context(routing(balance))
        for name in "abc":
            await stack.enter_async_context(serving(name, endpoint))
        await all_ready(router, 3)
        # So many keys that each replica surely has some, wherever its port puts it on the ring.
        owners = [set(await answers(endpoint, 3, user=f"user-{number}")) for number in range(100)]
        assert all(len(each) == 1 for each in owners)
        assert len(set.union(*owners)) == 3
