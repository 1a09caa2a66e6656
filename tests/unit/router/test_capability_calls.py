"""Calls of a capability over real sockets: through the router, its bridge's mesh, and the sdk."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import orjson

from mcpmesh import Client, Question, ToolContext, ToolServer
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.config import RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.rpc import Channel
from mcpmesh.sdk.call_result import CallResult
from mcpmesh.stack.origin import Origin
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import invoke_pb2

ANY = "127.0.0.1:0"


def server(name: str, *, fails: bool = False) -> ToolServer:
    app = ToolServer(name)

    @app.tool(name=name, capability="rates", description=f"Rates, by the {name}.")
    def rate(currency: str) -> str:
        if fails:
            raise ValueError("the line is dead")
        return f"{name}: {currency}"

    @app.tool(name=f"ask_{name}", capability="asking")
    async def ask(ctx: ToolContext) -> str:
        return f"{name}: {await ctx.ask('How much?', int)}"

    return app


@asynccontextmanager
async def mesh(*servers: ToolServer, capability: tuple[str, ...] = ()) -> AsyncIterator[Any]:
    router = Router(RouterSettings(grpc=ANY, capability=capability), without_exporters(Random(1)))
    endpoint = await router.start()
    try:
        for each in servers:
            await each.start(ANY, endpoint)
            await each.registered()
        async with Client(endpoint, default_timeout=10) as client:
            yield router, client, endpoint
    finally:
        for each in servers:
            await each.stop(0)
        await router.stop(0)


async def test_a_capability_is_called_by_its_name_and_the_answer_says_who_spoke() -> None:
    async with mesh(server("bank"), server("broker")) as (_, client, _):
        results = [await client.call("rates", {"currency": "CHF"}) for _ in range(30)]
        assert all(result.data == f"{result.tool}: CHF" for result in results)
        (choice,) = await client.list_choices("rates")
        assert choice.calls == 30
        spoke = Counter(result.tool for result in results)
        assert Counter({each.tool: each.calls for each in choice.tools}) == spoke
        assert all(each.ready for each in choice.tools)
        own = await client.call("bank", {"currency": "CHF"})
        assert own.tool == "bank"


async def test_a_tool_that_fails_is_left() -> None:
    async with mesh(server("bank", fails=True), server("broker")) as (_, client, _):
        results = [await client.call("rates", {"currency": "CHF"}) for _ in range(80)]
        spoke = Counter(result.tool for result in results[30:])
        assert spoke["broker"] > 40
        assert all(result.is_error == (result.tool == "bank") for result in results)
        (choice,) = await client.list_choices("rates")
        assert [each.tool for each in choice.tools] == ["broker", "bank"]


async def test_feedback_decides_between_tools_that_both_answer() -> None:
    async with mesh(server("bank"), server("broker")) as (_, client, _):
        for _ in range(30):
            await client.feedback("bank", 0.1)
            accuracy = await client.feedback("broker", 0.9)
        assert accuracy.low < 0.9 < accuracy.high
        results = [await client.call("rates", {"currency": "CHF"}) for _ in range(60)]
        assert Counter(result.tool for result in results)["broker"] > 50


async def test_the_operator_names_tools_that_say_something_else() -> None:
    both = ('prices=["bank", "absent"]',)
    async with mesh(server("bank"), server("broker"), capability=both) as (_, client, _):
        result = await client.call("prices", {"currency": "CHF"})
        assert result.tool == "bank"
        assert (await client.get_tool("prices")).name == "bank"


async def test_a_stream_says_who_spoke_too() -> None:
    async with mesh(server("bank")) as (_, client, _):
        *_, last = [event async for event in client.stream("rates", {"currency": "CHF"})]
        assert isinstance(last, CallResult)
        assert last.tool == "bank"


async def test_answers_go_to_the_tool_that_asked() -> None:
    async def seven(_: Question) -> Mapping[str, Any]:
        return {"action": "accept", "content": {"answer": 7}}

    async with mesh(server("bank"), server("broker")) as (_, client, _):
        for _ in range(12):
            result = await client.call("asking", on_input=seven)
            assert result.data == f"{result.tool.removeprefix('ask_')}: 7"
        *_, last = [event async for event in client.stream("asking", on_input=seven)]
        assert isinstance(last, CallResult)
        assert last.data.endswith(": 7")


async def test_a_client_of_the_bridge_reads_it_in_the_results_meta() -> None:
    request = invoke_pb2.InvokeRequest(tool="rates", arguments=b'{"currency":"CHF"}')
    async with mesh(server("bank")) as (router, _, endpoint), Channel(endpoint) as channel:
        for each in (router.mesh, RemoteMesh(channel)):
            answer = await each.invoke(request, Origin(), 5.0)
            assert orjson.loads(answer.result.meta) == {"mcpmesh/tool": "bank"}
            *_, last = [event async for event in each.stream(request, Origin(), 5.0)]
            assert orjson.loads(last.result.meta) == {"mcpmesh/tool": "bank"}
            own = invoke_pb2.InvokeRequest(tool="bank", arguments=b'{"currency":"CHF"}')
            assert not (await each.invoke(own, Origin(), 5.0)).result.meta
