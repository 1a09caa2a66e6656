"""Progress of calls: a flood of it comes to a client as much as anybody can look at."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from mcpmesh import ToolContext, ToolFailure, ToolServer
from mcpmesh.bridge.tuning import Tuning
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_http import message, modern_headers

SLOW = Tuning(progress_rate=4.0, progress_burst=5)
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "progressToken": "p",
}


def flooding():
    app = ToolServer("flooding")
    app.seen = asyncio.Event()

    @app.tool
    async def flood(ctx: ToolContext, upto: int, fails: bool = False) -> str:
        for number in range(1, upto + 1):
            await ctx.progress(number, upto)
        if fails:
            raise ToolFailure("the dam broke")
        return "done"

    @app.tool
    async def pausing(ctx: ToolContext) -> str:
        """Says much, then nothing until somebody has seen the last of it."""
        for number in range(1, 21):
            await ctx.progress(number, 20)
        await app.seen.wait()
        return "done"

    return app


@pytest.fixture
async def mesh():
    app = flooding()
    async with mesh_of(app, SLOW) as mesh:
        mesh.app = app
        yield mesh


@asynccontextmanager
async def told(mesh, name, **arguments):
    params = {"name": name, "arguments": arguments, "_meta": META}
    headers = {
        **modern_headers("tools/call", name),
        "accept": "application/json, text/event-stream",
    }
    body = message("tools/call", params)
    async with mesh.http.stream("POST", "/mcp", json=body, headers=headers) as answer:
        lines = answer.aiter_lines()
        yield (orjson.loads(line[6:]) async for line in lines if line.startswith("data: "))


@pytest.mark.parametrize("fails", [False, True])
async def test_of_a_flood_the_client_hears_some_and_the_last(mesh, fails):
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with told(mesh, "flood", upto=2000, fails=fails) as events:
        *heard, result = [event async for event in events]
    took = loop.time() - began
    numbers = [event["params"]["progress"] for event in heard]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 2000
    assert len(numbers) <= SLOW.progress_burst + SLOW.progress_rate * took + 1
    assert result["result"]["isError"] is fails


async def test_a_few_come_as_they_are(mesh):
    async with told(mesh, "flood", upto=SLOW.progress_burst) as events:
        *heard, _ = [event async for event in events]
    assert [event["params"]["progress"] for event in heard] == [1, 2, 3, 4, 5]


async def test_what_was_held_is_told_though_the_tool_says_nothing_more(mesh):
    async with asyncio.timeout(20), told(mesh, "pausing") as events:
        async for event in events:
            if event.get("params", {}).get("progress") == 20:
                mesh.app.seen.set()
        assert event["result"]["content"][0]["text"] == "done"
