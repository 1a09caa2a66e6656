"""A bridge over a router with a tool server behind it, all real, in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import httpx2

from mcpmesh import ToolServer
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.config import RouterSettings
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters

ANY = "127.0.0.1:0"


@dataclass
class Mesh:
    """What tests reach of it."""

    http: httpx2.AsyncClient
    router: str
    bridge: Bridge
    server: HttpServer


@asynccontextmanager
async def mesh_of(
    app: ToolServer, tuning: Tuning | None = None, settings: BridgeSettings | None = None
) -> AsyncIterator[Mesh]:
    """Serve a tool server's tools through a router and a bridge."""
    router = Router(RouterSettings(grpc=ANY), without_exporters(Random(1)))
    endpoint = await router.start()
    await app.start(ANY, endpoint)
    await app.registered()
    bridge = Bridge(router.mesh, settings, tuning=tuning)
    server = HttpServer(HttpApp(bridge), ANY, grace=5)
    address = await server.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as http:
            yield Mesh(http, endpoint, bridge, server)
    finally:
        await server.stop()
        await app.stop(0)
        await router.stop(0)
