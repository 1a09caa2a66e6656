"""Clients are told of changes of what they list, and not of what only others see."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from mcpmesh.bridge.changes import news_of
from mcpmesh.bridge.stdio import StdioConnection
from mcpmesh.bridge.view import View
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.policy.access import Scope
from mcpmesh.v1 import tool_pb2
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_http import META, message, modern_headers
from tests.unit.bridge.test_legacy_asks import session
from tests.unit.bridge.test_listening import (
    EVENTS,
    LISTEN,
    base,
    coming_back,
    first_id,
    joining,
    reading,
)
from tests.unit.bridge.test_stdio import Pipe

TOOLS, PROMPTS = "notifications/tools/list_changed", "notifications/prompts/list_changed"
OURS = {"team": "ours"}
LABELLED = View(labels=(("team", "ours"),))
COMPACT = View(compact=True, pinned=frozenset({"kept"}))
SCOPED = View(scope=Scope(("may*", "resource:a://may")))


def tool(name, description="", **labels):
    return tool_pb2.Tool(name=name, description=description, labels=labels)


def resource(uri, description=""):
    entry = tool(f"resource:{uri}", description)
    entry.resource.uri = uri
    return entry


@pytest.mark.parametrize(
    ("view", "change", "told"),
    [
        (None, (None, tool("a")), True),
        (LABELLED, (None, tool("a")), False),
        (LABELLED, (tool("a"), tool("a", "other")), False),
        (LABELLED, (None, tool("a", **OURS)), True),
        (LABELLED, (tool("a", **OURS), None), True),
        (LABELLED, (tool("a", **OURS), tool("a")), True),
        (LABELLED, (tool("a"), tool("a", **OURS)), True),
        (COMPACT, (None, tool("a")), False),
        (COMPACT, (None, tool("kept")), True),
        (SCOPED, (None, tool("a")), False),
        (SCOPED, (tool("a"), None), False),
        (SCOPED, (None, tool("may_a")), True),
    ],
)
def test_a_change_is_news_to_who_lists_the_entry_before_or_after(view, change, told):
    assert news_of([change], view) == ({"tools"} if told else set(), set())


def test_a_resource_is_heard_of_by_who_may_read_it_listed_or_not():
    may, must_not = (None, resource("a://may")), (resource("a://no"), resource("a://no", "other"))
    assert news_of([may, must_not], None) == ({"resources"}, {"a://may", "a://no"})
    assert news_of([may, must_not], SCOPED) == ({"resources"}, {"a://may"})
    # Labels say what is listed, and permit nothing.
    assert news_of([may, must_not], LABELLED) == (set(), {"a://may", "a://no"})


# Of changes that come together the prompts are told first: who hears of tools first has heard
# of no prompt.


@asynccontextmanager
async def others_then_ours(mesh):
    async with joining(mesh, "prompt"), joining(mesh, "tool", OURS):
        yield


async def test_a_listener_is_told_of_its_own_changes():
    wanted = {"toolsListChanged": True, "promptsListChanged": True}
    body = message(LISTEN, {"notifications": wanted, "_meta": META}, "s1")
    headers = {**modern_headers(LISTEN), **EVENTS}
    async with (
        mesh_of(base()) as mesh,
        mesh.http.stream("POST", "/mcp?label=team=ours", json=body, headers=headers) as ours,
        mesh.http.stream("POST", "/mcp", json=body, headers=headers) as everything,
    ):
        own, every = reading(ours), reading(everything)
        await anext(own)
        await anext(every)
        async with others_then_ours(mesh):
            assert (await anext(own))["method"] == TOOLS
            assert {(await anext(every))["method"] for _ in range(2)} == {TOOLS, PROMPTS}


async def test_a_legacy_session_is_told_of_its_own_changes():
    async with mesh_of(base()) as mesh:
        headers = {**await session(mesh.http), "accept": "text/event-stream"}
        url = "/mcp?label=team=ours"
        async with (
            mesh.http.stream("GET", url, headers=headers) as answer,
            others_then_ours(mesh),
        ):
            assert (await anext(reading(answer)))["method"] == TOOLS


async def test_a_session_that_comes_back_is_told_of_its_own_changes():
    async with mesh_of(base()) as mesh:
        headers = await session(mesh.http)
        last = await first_id(mesh.http, headers, "/mcp?label=team=ours")
        async with (
            others_then_ours(mesh),
            coming_back(mesh.http, headers, last, "/mcp?label=team=ours") as events,
        ):
            assert (await anext(events))["method"] == TOOLS


async def test_a_client_on_stdio_is_told_of_its_own_changes():
    async with mesh_of(base(), settings=BridgeSettings(list_labels=("team=ours",))) as mesh:
        pipe = Pipe()
        serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
        pipe.send(id=0, method="initialize", params=params)
        await pipe.hear()
        pipe.send(method="notifications/initialized")
        pipe.send(id=1, method="ping")
        await pipe.hear()
        async with others_then_ours(mesh):
            assert (await pipe.hear())["method"] == TOOLS
        pipe.reader.feed_eof()
        await asyncio.wait_for(serving, 5)
