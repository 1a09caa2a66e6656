"""A router and a bridge with adopted upstreams behind them, all real, in one process."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from mcp.client.client import Client

from mcpmesh import ToolServer
from mcpmesh.adopt.copy import Copy, State
from mcpmesh.adopt.upstream import Upstream
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.config import RouterSettings
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from tests.eventually import eventually

ANY = "127.0.0.1:0"
_SOON = Backoff(first=0.05, longest=0.2)


@dataclass
class Mesh:
    """What tests reach of it."""

    router: Router
    endpoint: str
    url: str
    copies: list[Copy] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, *states: State) -> None:
        """Wait until the copies are in these states, one for each."""
        async with asyncio.timeout(20):
            while [copy.state for copy in self.copies] != list(states):
                self.changed.clear()
                await self.changed.wait()

    async def until_ready(self, tool: str, replicas: int) -> None:
        """Wait until the catalog has a tool with so many replicas that take calls."""
        await eventually(lambda: self.ready(tool) == replicas)

    def ready(self, tool: str) -> int:
        """Count the replicas of a tool that take calls."""
        tools = self.router.mesh.tools().tools
        return sum(each.ready_replicas for each in tools if each.tool.name == tool)


@asynccontextmanager
async def mesh() -> AsyncIterator[Mesh]:
    """Run a router and a bridge."""
    router = Router(RouterSettings(grpc=ANY), without_exporters(Random(1)))
    endpoint = await router.start()
    server = HttpServer(HttpApp(Bridge(router.mesh)), ANY, grace=5)
    address = await server.start()
    try:
        yield Mesh(router, endpoint, f"http://{address}/mcp")
    finally:
        await server.stop()
        await router.stop(0)


@asynccontextmanager
async def adopting(mesh: Mesh, upstreams: Sequence[Upstream]) -> AsyncIterator[None]:
    """Keep a copy of each upstream in the mesh meanwhile."""
    async with AsyncExitStack() as stack:
        servers = [ToolServer(each.name, lease_ttl=5.0) for each in upstreams]
        for each in servers:
            stack.push_async_callback(each.stop, 0)
        for upstream, server in zip(upstreams, servers, strict=True):
            mesh.copies.append(
                Copy(
                    f"{upstream.name}/{len(mesh.copies) + 1}",
                    upstream,
                    server,
                    lambda started: started.start(ANY, mesh.endpoint),
                    backoff=_SOON,
                    on_change=mesh.changed.set,
                )
            )
        tasks = [asyncio.create_task(copy.keep()) for copy in mesh.copies]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def client_of(upstreams: Sequence[Upstream]) -> AsyncIterator[tuple[Client, Mesh]]:
    """Adopt upstreams, wait until they are served; yield an MCP client of the bridge."""
    async with mesh() as running, adopting(running, upstreams):
        await running.until(*[State.SERVING] * len(upstreams))
        for copy in running.copies:
            await copy.server.registered()
        async with Client(running.url) as client:
            yield client, running
