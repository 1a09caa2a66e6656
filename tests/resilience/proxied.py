"""A router in this process, and tool servers that it reaches through proxies that do harm."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

from benchmarks.balance.proxy import Fault, FaultProxy, Kind
from mcpmesh import Client, ToolServer
from mcpmesh.config import RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from tests.eventually import eventually

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
    """Replicas, each behind a proxy, and a client of their router."""

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
        await eventually(lambda: self.labels() == list(labels))


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
        await all_ready(client, count)
        yield Mesh(client, router, proxies)


async def all_ready(client: Client, count: int) -> None:
    """Wait until so many replicas of each tool take calls."""

    async def ready() -> bool:
        tools = await client.list_tools()
        return bool(tools) and all(each.ready_replicas == count for each in tools)

    await eventually(ready)


async def ask(client: Client, tool: str = "ask") -> str:
    return (await client.call(tool, {}, timeout=30.0)).text
