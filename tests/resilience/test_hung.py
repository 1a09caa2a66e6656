"""A replica that does not answer gets no calls, and those it had are tried elsewhere."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import pytest

from benchmarks.balance.proxy import PASS, Fault, FaultProxy, Kind
from mcpmesh import Client, ToolServer
from mcpmesh.config import RouterSettings
from mcpmesh.errors import MeshError
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters

BLACK_HOLE = Fault(Kind.BLACK_HOLE)


def server(name: str) -> ToolServer:
    app = ToolServer(name)

    @app.tool(idempotent=True)
    def ask() -> str:
        return name

    @app.tool
    def act() -> str:
        return name

    return app


class Mesh:
    """Three replicas, each behind a proxy, and a client of their router."""

    def __init__(self, client: Client, router: Router, proxies: list[FaultProxy]) -> None:
        self.client = client
        self.router = router
        self.proxies = proxies

    def labels(self) -> list[str]:
        """Return what the router thinks of each replica."""
        by_endpoint = {
            each.replica.endpoint: each.health.label
            for each in self.router._pool._candidates.values()
        }
        return [by_endpoint[proxy.endpoint] for proxy in self.proxies]

    async def becomes(self, *labels: str) -> None:
        """Wait until the router thinks so."""
        while self.labels() != list(labels):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def mesh(health: str = "", count: int = 3) -> AsyncIterator[Mesh]:
    async with AsyncExitStack() as stack, asyncio.timeout(60.0):
        proxies = []
        for number in range(count):
            app = server(f"r{number}")
            await app.start("127.0.0.1:0")
            stack.push_async_callback(app.stop, 0)
            proxies.append(await stack.enter_async_context(FaultProxy(app.replica.endpoint)))
        settings = RouterSettings(
            grpc="127.0.0.1:0",
            static=tuple(proxy.endpoint for proxy in proxies),
            health=health,
        )
        router = Router(settings, without_exporters(Random(1)))
        endpoint = await router.start()
        stack.push_async_callback(router.stop, 0)
        client = await stack.enter_async_context(Client(endpoint))
        while not (tools := await client.list_tools()) or tools[0].ready_replicas < count:
            await asyncio.sleep(0.01)
        yield Mesh(client, router, proxies)


async def ask(client: Client, tool: str = "ask") -> str:
    return (await client.call(tool, {}, timeout=30.0)).text


async def test_calls_that_may_be_repeated_leave_a_replica_that_hangs() -> None:
    async with mesh() as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        answers = await asyncio.gather(*(ask(all_of.client) for _ in range(60)))
        assert set(answers) == {"r1", "r2"}
        assert all_of.labels() == ["SILENT", "HEALTHY", "HEALTHY"]


async def test_a_replica_that_answers_again_proves_itself_and_returns() -> None:
    async with mesh('{"slow_start": 0}') as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        await asyncio.gather(*(ask(all_of.client) for _ in range(20)))
        all_of.proxies[0].do(PASS)
        await all_of.becomes("PROBATION", "HEALTHY", "HEALTHY")
        counts = Counter([await ask(all_of.client) for _ in range(60)])
        assert counts["r0"] > 3
        assert all_of.labels() == ["HEALTHY"] * 3


async def test_a_call_that_may_not_be_repeated_waits_for_a_replica_that_comes_back() -> None:
    async with mesh() as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        calls = [asyncio.create_task(ask(all_of.client, "act")) for _ in range(20)]
        await all_of.becomes("SILENT", "HEALTHY", "HEALTHY")
        stuck = [call for call in calls if not call.done()]
        assert stuck
        all_of.proxies[0].do(PASS)
        assert {await call for call in stuck} == {"r0"}


async def test_a_connection_that_stays_silent_is_ended_and_made_again() -> None:
    async with mesh('{"silence": 0.5, "keepalive": 1.0, "slow_start": 0}') as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        calls = [asyncio.create_task(ask(all_of.client, "act")) for _ in range(20)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        lost = [str(each) for each in ended if isinstance(each, MeshError)]
        assert lost
        assert all("did not answer for 1" in each for each in lost)
        all_of.proxies[0].do(PASS)
        while (await all_of.client.list_tools())[0].ready_replicas < 3:
            await asyncio.sleep(0.01)
        counts = Counter([await ask(all_of.client) for _ in range(60)])
        assert counts["r0"] > 3


async def test_the_only_replica_keeps_its_calls_however_long_it_is_silent() -> None:
    async with mesh(count=1) as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        calls = [asyncio.create_task(ask(all_of.client)) for _ in range(5)]
        await all_of.becomes("SILENT")
        calls.append(asyncio.create_task(ask(all_of.client)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(calls[-1]), 0.2)
        all_of.proxies[0].do(PASS)
        assert await asyncio.gather(*calls) == ["r0"] * 6
