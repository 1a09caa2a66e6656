"""What of the lists a client sees, and the tools about tools."""

import json

import grpc
import pytest
from mcp import MCPError
from mcp.client.client import Client

from mcpmesh import ToolContext, ToolServer
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.http_message import HttpRefusal
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.server import HttpServer
from mcpmesh.bridge.view import View, Views
from mcpmesh.config import BridgeSettings
from mcpmesh.policy.access import Access
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_official_client import BOTH_ERAS, answer_name

COMPACT = BridgeSettings(compact_list=True)
LONG = "Tells the weather. " + "It says much more than anybody wants to read about it. " * 5


def shop():
    app = ToolServer("shop")

    @app.tool(labels={"team": "sky"})
    async def weather(city: str) -> str:
        """Tells the weather of a city."""
        return f"sun in {city}"

    @app.tool(labels={"team": "money", "beta": "yes"})
    async def rates(currency: str) -> dict[str, float]:
        """Tells the exchange rate of a currency."""
        return {currency: 1.5}

    @app.tool(labels={"team": "money"})
    async def ask(ctx: ToolContext) -> str:
        """Asks who is there."""
        return str(await ctx.ask("who?", key="name"))

    @app.prompt(labels={"team": "sky"})
    async def cloudy() -> str:
        """Clouds."""
        return "clouds"

    @app.prompt
    async def other() -> str:
        """Something else."""
        return "else"

    return app


async def names(url, mode="auto"):
    async with Client(url, mode=mode) as client:
        return [tool.name for tool in (await client.list_tools()).tools]


async def test_the_url_says_what_is_listed():
    async with mesh_of(shop()) as mesh:
        url = f"{mesh.http.base_url}/mcp"
        assert await names(url) == ["ask", "rates", "weather"]
        assert await names(f"{url}?label=team=money") == ["ask", "rates"]
        assert await names(f"{url}?label=team=money&label=beta") == ["rates"]
        assert await names(f"{url}?label=none") == []
        assert await names(f"{url}?compact") == ["describe_tool", "search_tools"]
        assert await names(f"{url}?compact=0&pin=ask") == ["ask", "rates", "weather"]
        pins = "pin=weather&pin=nix&pin=call_tool"
        wanted = ["call_tool", "describe_tool", "search_tools", "weather"]
        assert await names(f"{url}?compact=1&{pins}") == wanted
        assert await names(f"{url}?compact=1&{pins}", "legacy") == wanted
        async with Client(f"{url}?label=team=sky") as client:
            assert [each.name for each in (await client.list_prompts()).prompts] == ["cloudy"]
        async with Client(f"{url}?compact") as client:
            assert len((await client.list_prompts()).prompts) == 2


async def test_the_settings_say_what_is_listed_and_the_url_adds_to_them():
    settings = BridgeSettings(
        compact_list=True, pinned_tools=("rates",), list_labels=("team=money",)
    )
    async with mesh_of(shop(), settings=settings) as mesh:
        url = f"{mesh.http.base_url}/mcp"
        assert await names(url) == ["describe_tool", "rates", "search_tools"]
        assert await names(f"{url}?pin=ask") == ["ask", "describe_tool", "rates", "search_tools"]
        assert await names(f"{url}?pin=weather") == ["describe_tool", "rates", "search_tools"]
        assert await names(f"{url}?compact=no") == ["ask", "rates"]


@BOTH_ERAS
async def test_a_model_finds_reads_and_calls_what_is_not_listed(mode, version):
    async with mesh_of(shop(), settings=COMPACT) as mesh:
        url = f"{mesh.http.base_url}/mcp?pin=call_tool"
        async with Client(url, mode=mode, elicitation_callback=answer_name) as client:
            assert "search_tools" in (client.instructions or "")
            found = await client.call_tool("search_tools", {"query": "the weather in a city"})
            assert found.structured_content["tools"][0] == {
                "name": "weather",
                "description": "Tells the weather of a city.",
            }
            assert found.content[0].text.startswith("weather: Tells the weather of a city.")
            told = await client.call_tool("describe_tool", {"name": "weather"})
            assert told.structured_content["inputSchema"]["required"] == ["city"]
            assert json.loads(told.content[0].text) == told.structured_content
            direct = await client.call_tool("weather", {"city": "Oslo"})
            arguments = {"name": "weather", "arguments": {"city": "Oslo"}}
            called = await client.call_tool("call_tool", arguments)
            assert direct.content[0].text == called.content[0].text == "sun in Oslo"


async def test_a_tool_called_by_another_asks_back():
    app = ToolServer("asker")

    @app.tool
    async def hello(ctx: ToolContext) -> str:
        """Asks for a name."""
        answer = await ctx.request_input(
            "elicitation/create",
            {
                "message": "who?",
                "requestedSchema": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}},
                },
            },
        )
        return f"hello {answer['content']['name']}"

    async with mesh_of(app, settings=COMPACT) as mesh:
        for mode in ("legacy", "auto"):
            url = f"{mesh.http.base_url}/mcp"
            async with Client(url, mode=mode, elicitation_callback=answer_name) as client:
                told = await client.call_tool("call_tool", {"name": "hello"})
                assert told.content[0].text == "hello Ada"


async def test_what_a_model_gets_wrong_is_told_to_the_model():
    async with mesh_of(shop()) as mesh, Client(f"{mesh.http.base_url}/mcp?compact") as client:
        for tool, arguments, said in (
            ("search_tools", {}, '"query" has no words'),
            ("search_tools", {"query": "!?"}, "at least one word"),
            ("search_tools", {"query": "a", "limit": 0}, '"limit" is not an integer'),
            ("describe_tool", {}, '"name" is missing'),
            ("describe_tool", {"name": "wether"}, "did you mean weather"),
            ("describe_tool", {"name": "zzz"}, "find tools with search_tools"),
        ):
            told = await client.call_tool(tool, arguments)
            assert told.is_error
            assert said in told.content[0].text
        nothing = await client.call_tool("search_tools", {"query": "zzzz"})
        assert not nothing.is_error
        assert nothing.structured_content == {"tools": []}


async def test_search_finds_only_what_has_the_labels():
    async with mesh_of(shop()) as mesh:
        for label in ("team=money", "beta"):
            url = f"{mesh.http.base_url}/mcp?compact&label={label}"
            async with Client(url) as client:
                found = await client.call_tool("search_tools", {"query": "tells weather rate"})
                hits = [hit["name"] for hit in found.structured_content["tools"]]
                assert "rates" in hits
                assert "weather" not in hits


async def test_there_are_no_meta_tools_in_a_whole_list():
    async with mesh_of(shop()) as mesh, Client(f"{mesh.http.base_url}/mcp") as client:
        assert not client.instructions
        with pytest.raises(MCPError, match="search_tools"):
            await client.call_tool("search_tools", {"query": "weather"})


async def test_a_query_that_makes_no_sense_is_refused():
    async with mesh_of(shop()) as mesh:
        for query in ("compact=perhaps", "label=" + "&label=" * 200, "compact=%ff"):
            answer = await mesh.http.post(f"/mcp?{query}", json=LIST)
            assert answer.status_code == 400
            assert answer.json()["error"]["code"] == -32600
        answer = await mesh.http.post("/mcp?api_key=1&profile", json=LIST)
        assert len(answer.json()["result"]["tools"]) == 3


LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


async def test_a_view_follows_the_catalog():
    app = ToolServer("late")
    app.tool(name="late", description="Comes late.", labels={"team": "sky"})(lambda: "here")
    async with mesh_of(shop()) as mesh:
        url = f"{mesh.http.base_url}/mcp?label=team=sky"
        assert await names(url) == ["weather"]
        await app.start("127.0.0.1:0", mesh.router)
        try:
            await app.registered()
            assert await names(url) == ["late", "weather"]
        finally:
            await app.stop(0)


async def test_descriptions_are_cut_to_the_budget_but_when_a_tool_is_described():
    app = ToolServer("talker")

    @app.tool(description=LONG)
    async def weather(city: str) -> str:
        return city

    settings = BridgeSettings(description_tokens=10)
    async with (
        mesh_of(app, settings=settings) as mesh,
        Client(f"{mesh.http.base_url}/mcp?compact&pin=weather") as client,
    ):
        tools = (await client.list_tools()).tools
        [listed] = [each for each in tools if each.name == "weather"]
        assert listed.description == "Tells the weather. It says much more…"
        told = await client.call_tool("describe_tool", {"name": "weather"})
        assert told.structured_content["description"] == LONG


def test_views_are_read_once_and_forgotten_in_time():
    views = Views(BridgeSettings(), Access())
    assert views.default is None
    assert views.of(b"x=1") is None
    assert views.of(b"compact&pin=a&pin=b&label=z=&label=a") == View(
        True, frozenset("ab"), (("a", None), ("z", ""))
    )
    for number in range(2_000):
        views.of(b"pin=%d" % number)
    assert len(views._known) <= 256
    with pytest.raises(HttpRefusal):
        views.of(b"compact=x")


async def test_a_bridge_in_a_process_of_its_own_searches_through_its_router():
    async with (
        mesh_of(shop()) as mesh,
        grpc.aio.insecure_channel(mesh.router) as channel,
        RemoteMesh(channel) as remote,
    ):
        server = HttpServer(HttpApp(Bridge(remote, COMPACT)), "127.0.0.1:0", grace=1)
        address = await server.start()
        try:
            async with Client(f"http://{address}/mcp") as client:
                found = await client.call_tool("search_tools", {"query": "weather"})
                assert found.structured_content["tools"][0]["name"] == "weather"
                wrong = await client.call_tool("search_tools", {"query": "?"})
                assert wrong.is_error
                told = await client.call_tool("describe_tool", {"name": "rates"})
                assert told.structured_content["name"] == "rates"
        finally:
            await server.stop()
