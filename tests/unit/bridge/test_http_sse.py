"""HTTP+SSE, the transport of 2024-11-05: a stream, and a place to post to."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest
from mcp import ClientSession
from mcp.client.sse import sse_client
from mcp.types import ElicitResult

from mcpmesh.config.bridge import BridgeSettings
from tests.eventually import eventually
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_http import message
from tests.unit.bridge.test_legacy_asks import accepted, asker, call, text
from tests.unit.bridge.test_listening import joining
from tests.unit.bridge.test_two_bridges import KEY, bridge_on

JSON = {"content-type": "application/json"}


@pytest.fixture
async def mesh():
    async with mesh_of(asker(), settings=BridgeSettings(sse=True, session_key=KEY)) as mesh:
        yield mesh


class Channel:
    """One client's stream, and where it posts to."""

    def __init__(self, answer):
        self._lines = answer.aiter_lines()
        self.place = ""

    async def next(self):
        name = ""
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data" and name == "endpoint":
                return value
            elif field == "data":
                return orjson.loads(value)
        raise StopAsyncIteration

    async def post(self, http, body):
        return await http.post(self.place, json=body, headers=JSON)


@asynccontextmanager
async def opened(http, version="2024-11-05"):
    async with http.stream("GET", "/sse", headers={"accept": "text/event-stream"}) as answer:
        assert answer.status_code == 200
        channel = Channel(answer)
        channel.place = await channel.next()
        params = {
            "protocolVersion": version,
            "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "c", "version": "1"},
        }
        taken = await channel.post(http, message("initialize", params, 0))
        assert taken.status_code == 202
        assert (await channel.next())["result"]["protocolVersion"] == version
        yield channel


async def test_the_official_client_lists_calls_is_asked_and_hears_of_progress(mesh):
    heard = []

    async def answer(context, params):
        return ElicitResult(action="accept", content={"answer": "tea"})

    async def hear(progress, total, message):
        heard.append(progress)

    async with (
        sse_client(f"{mesh.http.base_url}/sse") as (reading, writing),
        ClientSession(reading, writing, elicitation_callback=answer) as client,
    ):
        await client.initialize()
        assert "order" in {tool.name for tool in (await client.list_tools()).tools}
        result = await client.call_tool("chatty", {}, progress_callback=hear)
        assert result.content[0].text == "tea"


async def test_messages_come_on_the_stream_and_questions_are_answered_by_posts(mesh):
    async with opened(mesh.http) as channel:
        await channel.post(mesh.http, call("order"))
        asked = await channel.next()
        assert asked["method"] == "elicitation/create"
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": accepted("tea")}
        await channel.post(mesh.http, answer)
        asked = await channel.next()
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": accepted(3)}
        await channel.post(mesh.http, answer)
        assert text(await channel.next()) == "3 x tea"


async def test_a_client_hears_of_changes_once_it_is_initialized(mesh):
    async with opened(mesh.http) as channel:
        await channel.post(
            mesh.http, {"jsonrpc": "2.0", "method": "notifications/initialized", "params": {}}
        )
        await channel.post(mesh.http, message("ping", {}, 5))
        assert (await channel.next())["id"] == 5
        async with joining(mesh, "tool"):
            assert (await channel.next())["method"] == "notifications/tools/list_changed"


async def test_calls_are_cancelled_by_name_and_when_the_stream_ends(mesh):
    async with opened(mesh.http) as channel:
        await channel.post(mesh.http, call("order"))
        await channel.next()
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        await channel.post(mesh.http, cancel)
        await channel.post(mesh.http, message("ping", {}, 2))
        assert (await channel.next())["id"] == 2
        assert len(mesh.bridge.asks) == 0
        await channel.post(mesh.http, call("order"))
        await channel.next()
        assert len(mesh.bridge.asks) == 1
    await eventually(lambda: len(mesh.bridge.asks) == 0)
    assert (await channel.post(mesh.http, message("ping"))).status_code == 404


async def test_a_message_that_reaches_another_bridge_is_passed_on(mesh):
    settings = BridgeSettings(session_key=KEY, sse=True)
    async with bridge_on(mesh, settings=settings) as (other, _), opened(mesh.http) as channel:
        assert (await channel.post(other, message("ping", {}, 7))).status_code == 202
        assert (await channel.next())["id"] == 7


async def test_batches_are_for_the_revision_that_has_them(mesh):
    batch = [message("ping", {}, 1), {"jsonrpc": "2.0", "method": "x"}, message("ping", {}, 2)]
    async with opened(mesh.http, "2025-03-26") as channel:
        await channel.post(mesh.http, batch)
        assert [each["id"] for each in await channel.next()] == [1, 2]
    async with opened(mesh.http) as channel:
        await channel.post(mesh.http, batch)
        assert (await channel.next())["error"]["code"] == -32600


async def test_what_cannot_be_served_is_refused(mesh):
    http = mesh.http
    evil = {"origin": "https://evil.example", "accept": "text/event-stream"}
    assert (await http.get("/sse", headers=evil)).status_code == 403
    assert (await http.get("/sse", headers={"accept": "text/html"})).status_code == 406
    assert (await http.post("/sse", json={})).status_code == 405
    assert (await http.get("/messages/x")).status_code == 405
    assert (await http.post("/messages/x", json=message("ping"))).status_code == 404
    async with opened(http) as channel:
        refused = await http.post(channel.place, content=b"{", headers=JSON)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, -32700)
        plain = {"content-type": "text/plain"}
        assert (await http.post(channel.place, content=b"{}", headers=plain)).status_code == 415


async def test_it_is_not_served_unless_it_is_wanted(mesh):
    async with bridge_on(mesh) as (http, _):
        assert (await http.get("/sse", headers={"accept": "text/event-stream"})).status_code == 404


async def test_a_bridge_that_stops_ends_the_streams(mesh):
    async with opened(mesh.http) as channel:
        stopping = asyncio.create_task(mesh.server.stop())
        with pytest.raises(StopAsyncIteration):
            await channel.next()
        await asyncio.wait_for(stopping, 30)
