"""Clients hear of changes: subscriptions/listen, and the streams of legacy sessions."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from mcpmesh import ToolServer
from mcpmesh.bridge.stdio import StdioConnection
from tests.eventually import eventually
from tests.unit.bridge.behind_router import ANY, mesh_of
from tests.unit.bridge.test_http import META, message, modern_headers, refused
from tests.unit.bridge.test_legacy_asks import ACCEPT, session
from tests.unit.bridge.test_stdio import Pipe

LISTEN = "subscriptions/listen"
EVENTS = {"accept": "text/event-stream, application/json"}
ID = "io.modelcontextprotocol/subscriptionId"


def base() -> ToolServer:
    app = ToolServer("base")

    @app.tool
    async def echo(text: str) -> str:
        """Says it again."""
        return text

    @app.resource("a://b")
    async def contents() -> str:
        """Contents."""
        return "c"

    return app


def more(kind, labels=None) -> ToolServer:
    app = ToolServer("more")
    if kind == "tool":
        add = app.tool(name="late", labels=labels)
    elif kind == "prompt":
        add = app.prompt(name="late", labels=labels)
    else:
        add = app.resource("a://late", name="late", labels=labels)
    add(lambda: "late")
    return app


@asynccontextmanager
async def joining(mesh, kind, labels=None):
    """Have one more tool, prompt or resource meanwhile."""
    app = more(kind, labels)
    await app.start(ANY, mesh.router)
    await app.registered()
    try:
        yield
    finally:
        await app.stop(0)


@pytest.fixture
async def mesh():
    async with mesh_of(base()) as mesh:
        yield mesh


def reading(answer):
    async def events():
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                yield orjson.loads(line.removeprefix("data: "))

    return events()


@asynccontextmanager
async def listening(mesh, wanted, request_id="s1"):
    body = message(LISTEN, {"notifications": wanted, "_meta": META}, request_id)
    headers = {**modern_headers(LISTEN), **EVENTS}
    async with mesh.http.stream("POST", "/mcp", json=body, headers=headers) as answer:
        assert answer.status_code == 200
        yield reading(answer)


async def test_the_acknowledgement_comes_first_and_every_message_says_which_subscription(mesh):
    wanted = {"toolsListChanged": True, "promptsListChanged": False, "novel": True}
    async with listening(mesh, wanted) as events:
        first = await anext(events)
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"] == {
            "notifications": {"toolsListChanged": True},
            "_meta": {ID: "s1"},
        }
        async with joining(mesh, "tool"):
            changed = await anext(events)
            assert changed["method"] == "notifications/tools/list_changed"
            assert changed["params"] == {"_meta": {ID: "s1"}}
        assert (await anext(events))["method"] == "notifications/tools/list_changed"


async def test_nothing_comes_that_was_not_asked_for(mesh):
    wanted = {"promptsListChanged": True, "resourceSubscriptions": ["a://late"]}
    async with listening(mesh, wanted) as events:
        await anext(events)
        async with joining(mesh, "tool"), joining(mesh, "resource"):
            changed = await anext(events)
            assert changed["method"] == "notifications/resources/updated"
            assert changed["params"] == {"uri": "a://late", "_meta": {ID: "s1"}}
            async with joining(mesh, "prompt"):
                changed = await anext(events)
                assert changed["method"] == "notifications/prompts/list_changed"


async def test_replicas_that_come_and_go_are_no_change(mesh):
    async with listening(mesh, {"toolsListChanged": True}) as events:
        await anext(events)
        second = base()
        await second.start(ANY, mesh.router)
        await second.registered()
        await second.stop(0)
        async with joining(mesh, "tool"):
            await anext(events)
            coming = asyncio.ensure_future(anext(events))
        assert (await coming)["method"] == "notifications/tools/list_changed"


async def test_a_server_that_stops_ends_subscriptions_with_a_result(mesh):
    async with listening(mesh, {"toolsListChanged": True}, 7) as events:
        await anext(events)
        stopping = asyncio.create_task(mesh.server.stop())
        told = await anext(events)
        assert told["method"] == "notifications/cancelled"
        assert (told["params"]["requestId"], told["params"]["_meta"]) == (7, {ID: 7})
        last = await anext(events)
        assert last["id"] == 7
        assert last["result"]["_meta"][ID] == 7
        await asyncio.wait_for(stopping, 30)


async def test_nobody_is_compared_for_when_nobody_listens(mesh):
    changes = mesh.bridge.listening._changes
    async with listening(mesh, {"toolsListChanged": True}) as events:
        await anext(events)
        assert len(changes) == 1
    await eventually(lambda: len(changes) == 0)


async def test_what_cannot_be_listened_to_is_refused(mesh):
    headers = {**modern_headers(LISTEN), **EVENTS}
    for wanted in (None, [], {"resourceSubscriptions": "a"}, {"resourceSubscriptions": [1]}):
        params = {"notifications": wanted, "_meta": META}
        answer = await mesh.http.post("/mcp", json=message(LISTEN, params), headers=headers)
        refused(answer, 400, -32602, 1)
    params = {"notifications": {}, "_meta": META}
    headers["accept"] = "application/json"
    answer = await mesh.http.post("/mcp", json=message(LISTEN, params), headers=headers)
    refused(answer, 400, -32600, 1)


@asynccontextmanager
async def following(mesh, headers):
    headers = {**headers, "accept": "text/event-stream"}
    async with mesh.http.stream("GET", "/mcp", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        yield reading(answer)


async def asked(mesh, headers, method, uri):
    body = message(method, {"uri": uri})
    return await mesh.http.post("/mcp", json=body, headers={**ACCEPT, **headers})


async def test_a_legacy_session_hears_of_changes_on_its_own_stream(mesh):
    headers = await session(mesh.http)
    async with following(mesh, headers) as events, joining(mesh, "prompt"):
        assert await anext(events) == {
            "jsonrpc": "2.0",
            "method": "notifications/prompts/list_changed",
            "params": {},
        }


async def test_of_several_streams_of_a_session_the_newest_is_told(mesh):
    headers = await session(mesh.http)
    async with following(mesh, headers) as older:
        async with following(mesh, headers) as newer, joining(mesh, "prompt"):
            assert (await anext(newer))["method"] == "notifications/prompts/list_changed"
            waiting = asyncio.ensure_future(anext(older))
        all_following = mesh.bridge.listening._following.values()
        await eventually(lambda: all(len(streams) <= 1 for streams in all_following))
        async with joining(mesh, "tool"):
            assert (await waiting)["method"].endswith("/list_changed")


@asynccontextmanager
async def coming_back(http, headers, last, url="/mcp"):
    headers = {**headers, "accept": "text/event-stream", "last-event-id": last}
    async with http.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        yield reading(answer)


async def first_id(http, headers, url="/mcp"):
    headers = {**headers, "accept": "text/event-stream"}
    async with http.stream("GET", url, headers=headers) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                return line.removeprefix("id: ")
    raise AssertionError("no id")


async def test_a_client_that_comes_back_is_told_what_changed_meanwhile(mesh):
    headers = await session(mesh.http)
    last = await first_id(mesh.http, headers)
    async with joining(mesh, "prompt"), coming_back(mesh.http, headers, last) as events:
        assert (await anext(events))["method"] == "notifications/prompts/list_changed"
        async with joining(mesh, "tool"):
            assert (await anext(events))["method"] == "notifications/tools/list_changed"
    other = await session(mesh.http)
    head = {**other, "accept": "text/event-stream", "last-event-id": last}
    refused(await mesh.http.get("/mcp", headers=head), 400, -32600, None)


async def test_a_legacy_session_subscribes_to_resources(mesh):
    headers = await session(mesh.http)
    refused(await asked(mesh, headers, "resources/subscribe", "a://none"), 200, -32002, 1)
    async with joining(mesh, "resource"):
        taken = await asked(mesh, headers, "resources/subscribe", "a://late")
        assert taken.json()["result"] == {}
        follow = following(mesh, headers)
        events = await follow.__aenter__()
    gone = [await anext(events), await anext(events)]
    assert [event["method"] for event in gone] == [
        "notifications/resources/list_changed",
        "notifications/resources/updated",
    ]
    taken = await asked(mesh, headers, "resources/unsubscribe", "a://late")
    assert taken.json()["result"] == {}
    async with joining(mesh, "resource"), joining(mesh, "prompt"):
        methods = {(await anext(events))["method"], (await anext(events))["method"]}
        assert "notifications/resources/updated" not in methods
    await follow.__aexit__(None, None, None)


async def test_a_stream_needs_a_session_and_a_client_that_reads_events(mesh):
    headers = await session(mesh.http)
    plain = {**headers, "accept": "application/json"}
    assert (await mesh.http.get("/mcp", headers=plain)).status_code == 406
    assert (await mesh.http.get("/mcp")).status_code == 405
    forged = {"mcp-session-id": "forged", "accept": "text/event-stream"}
    assert (await mesh.http.get("/mcp", headers=forged)).status_code == 404
    await mesh.http.delete("/mcp", headers=headers)
    gone = await mesh.http.get("/mcp", headers={**headers, "accept": "text/event-stream"})
    assert gone.status_code == 404


async def test_a_client_on_stdio_hears_of_changes_once_it_is_initialized(mesh):
    pipe = Pipe()
    serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    pipe.send(id=0, method="initialize", params=params)
    capabilities = (await pipe.hear())["result"]["capabilities"]
    assert capabilities["tools"] == {"listChanged": True}
    pipe.send(method="notifications/initialized")
    pipe.send(id=1, method="ping")
    await pipe.hear()
    async with joining(mesh, "tool"):
        assert (await pipe.hear())["method"] == "notifications/tools/list_changed"
    pipe.reader.feed_eof()
    await asyncio.wait_for(serving, 5)


async def test_a_modern_client_on_stdio_listens_and_cancels(mesh):
    pipe = Pipe()
    serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
    params = {"notifications": {"toolsListChanged": True}, "_meta": META}
    pipe.send(id=4, method=LISTEN, params=params)
    assert (await pipe.hear())["params"]["_meta"] == {ID: 4}
    async with joining(mesh, "tool"):
        assert (await pipe.hear())["method"] == "notifications/tools/list_changed"
    assert (await pipe.hear())["method"] == "notifications/tools/list_changed"
    pipe.send(method="notifications/cancelled", params={"requestId": 4})
    pipe.reader.feed_eof()
    await asyncio.wait_for(serving, 5)
    assert pipe.said.empty()
