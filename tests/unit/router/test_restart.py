"""A router that ends and comes back on its port, and a tool server that is not touched."""

import asyncio
from contextlib import suppress
from random import Random

from mcpmesh import Client, ToolServer
from mcpmesh.config import RouterSettings
from mcpmesh.errors import NoReplica, ToolNotFound
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from tests.eventually import eventually


async def test_tools_are_back_soon_after_their_router_is() -> None:
    app = ToolServer("echo", lease_ttl=300.0)

    @app.tool
    def echo(text: str) -> str:
        return text

    router = Router(RouterSettings(grpc="127.0.0.1:0"), without_exporters(Random(1)))
    endpoint = await router.start()
    await app.start(router=endpoint)
    await app.registered()
    await router.stop(0)
    # It tries in vain meanwhile.
    await asyncio.sleep(0.5)
    router = Router(RouterSettings(grpc=endpoint), without_exporters(Random(2)))
    assert await router.start() == endpoint
    async with Client(endpoint) as client:

        async def echoes() -> bool:
            with suppress(NoReplica, ToolNotFound):
                return (await client.call("echo", {"text": "hi"})).text == "hi"
            return False

        await eventually(echoes, patience=20)
    await app.stop(0)
    await router.stop(0)
