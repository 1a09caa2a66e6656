"""Replicas as processes: stopped, failing fast, and replaced one after the other."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc

from benchmarks.balance.sockets.fleet import Fleet, fleet
from benchmarks.balance.sockets.restart import run_restart
from benchmarks.balance.sockets.scenario import Fault, Scenario, Service
from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

QUICK = Scenario("three", replicas=3, service=Service(mean=0.001))
PATIENCE = 60.0
_REQUEST = invoke_pb2.InvokeRequest(tool="work", arguments=b"{}")


async def call(running: Fleet, count: int) -> list[str]:
    """Make calls at once; return the status of each."""

    async def one(stub: invoke_pb2_grpc.ToolServiceStub) -> str:
        try:
            await stub.Invoke(_REQUEST, timeout=PATIENCE)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    async with Channel(running.router) as channel:
        stub = invoke_pb2_grpc.ToolServiceStub(channel)
        return list(await asyncio.gather(*(one(stub) for _ in range(count))))


async def becomes(running: Fleet, number: int, *healths: str) -> None:
    """Wait until the router thinks one of these of a replica; calls go on meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while (await running.seen())[number].health not in healths:
            await call(running, 5)
            await asyncio.sleep(0.05)


async def with_fault(fault: Fault, then: Callable[[Fleet], Awaitable[None]]) -> None:
    async with fleet(QUICK, {}) as running:
        await running.replicas[0].suffer(fault)
        try:
            await then(running)
        finally:
            await running.replicas[0].heal(fault)
        await becomes(running, 0, "SLOW_START", "HEALTHY")


async def test_a_stopped_process_costs_no_call_and_comes_back() -> None:
    async def then(running: Fleet) -> None:
        assert set(await call(running, 60)) == {"OK"}
        assert (await running.seen())[0].health == "SILENT"
        before = (await running.seen())[0].picks
        assert set(await call(running, 60)) == {"OK"}
        assert (await running.seen())[0].picks == before

    await with_fault(Fault((0,), stopped=True), then)


async def test_a_process_that_fails_fast_is_ejected_after_few_calls() -> None:
    async with fleet(QUICK, {}) as running:
        await running.replicas[0].suffer(Fault((0,), errors=1.0))
        statuses = [status for _ in range(100) for status in await call(running, 1)]
        assert 1 <= statuses.count("INTERNAL") <= 5
        shown = (await running.seen())[0]
        assert shown.health == "EJECTED"
        assert shown.ejected_for is not None
        assert 0 < shown.ejected_for <= 30.0
        assert shown.health_reason == "5 failures in a row"


async def test_replicas_are_replaced_one_after_the_other_and_nothing_fails() -> None:
    found = await run_restart(
        replicas=2, rate=40.0, streams_per_second=4.0, stream_seconds=2.0, every=1.0
    )
    assert found["exit_codes"] == [0, 0]
    assert (found["failed"], found["failures"]) == (0, {})
    assert (found["streams_failed"], found["stream_failures"]) == (0, {})
    assert found["calls"] > 50
    assert found["streams"] > 5
