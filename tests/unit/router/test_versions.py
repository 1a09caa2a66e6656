"""Versions that share a tool's calls, and one that gets copies, over real sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random

import orjson

from mcpmesh import Client, ToolContext, ToolServer
from mcpmesh.config import RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from tests.eventually import eventually

ANY = "127.0.0.1:0"


class Versioned:
    """A tool server of one version; counts its calls, and those marked as copies."""

    def __init__(self, version: str, *, fails: bool = False) -> None:
        self.seen: Counter[str] = Counter()
        self.hold = asyncio.Event()
        self.hold.set()
        self.app = ToolServer(f"server-{version}")

        @self.app.tool(name="who", version=version)
        async def who(ctx: ToolContext) -> str:
            self.seen["shadow" if ctx.metadata.get("mcpmesh-shadow") else "call"] += 1
            await self.hold.wait()
            if fails:
                raise RuntimeError("not ready yet")
            return version


def under_way(router: Router) -> dict[str, int]:
    """Return the copies under way, by tool."""
    mirrors = router.mesh._dispatcher._mirrors
    assert mirrors is not None
    return mirrors._under_way


@asynccontextmanager
async def mesh(policy: object, *servers: Versioned) -> AsyncIterator[tuple[Router, Client]]:
    """Run servers behind a router; the last one is the newest."""
    tool = f"who={orjson.dumps(policy).decode()}"
    router = Router(RouterSettings(grpc=ANY, tool=(tool,)), without_exporters(Random(1)))
    async with AsyncExitStack() as stack:
        endpoint = await router.start()
        stack.push_async_callback(router.stop, 0)
        for number, each in enumerate(servers, 1):
            await each.app.start(ANY, endpoint)
            stack.push_async_callback(each.app.stop, 0)
            await each.app.registered()
            await eventually(lambda number=number: len(ready(router)) == number)
        client = await stack.enter_async_context(Client(endpoint))
        yield router, client


def ready(router: Router) -> list[str]:
    routes = router._pool.routes.by_tool.get("who", ())
    return [each.cluster.tool.version for each in routes if each.picker.candidates]


async def test_a_part_of_the_calls_goes_to_the_new_version() -> None:
    old, new = Versioned("1"), Versioned("2")
    async with mesh({"split": {"shares": {"2": 0.25}}}, old, new) as (_, client):
        for _ in range(200):
            await client.call("who")
        assert 25 <= new.seen["call"] <= 75
        assert old.seen["call"] + new.seen["call"] == 200


async def test_metadata_leads_to_the_new_version() -> None:
    old, new = Versioned("1"), Versioned("2")
    policy = {"split": {"metadata": {"x-canary=yes": "2"}}}
    async with mesh(policy, old, new) as (_, client):
        canary = [await client.call("who", metadata=(("x-canary", "yes"),)) for _ in range(5)]
        others = [await client.call("who") for _ in range(5)]
        assert [each.text for each in canary] == ["2"] * 5
        assert [each.text for each in others] == ["1"] * 5


async def test_a_shadow_gets_copies_and_its_answers_are_dropped() -> None:
    old, shadow = Versioned("1"), Versioned("2", fails=True)
    async with mesh({"mirror": {"version": "2"}}, old, shadow) as (router, client):
        for _ in range(20):
            assert (await client.call("who")).text == "1"
        await eventually(lambda: not under_way(router))
        assert shadow.seen == {"shadow": 20}
        assert old.seen == {"call": 20}
        # Whoever asks for the shadow by name gets it, without a copy.
        assert (await client.call("who", version="2")).is_error
        assert shadow.seen == {"shadow": 20, "call": 1}


async def test_a_shadow_that_hangs_holds_up_nobody_and_gets_no_more_than_is_allowed() -> None:
    old, shadow = Versioned("1"), Versioned("2")
    shadow.hold.clear()
    async with mesh({"mirror": {"version": "2", "most": 3}}, old, shadow) as (router, client):
        for _ in range(10):
            assert (await client.call("who")).text == "1"
        assert under_way(router) == {"who": 3}
        shadow.hold.set()
        await eventually(lambda: not under_way(router))
        assert shadow.seen["shadow"] == 3
