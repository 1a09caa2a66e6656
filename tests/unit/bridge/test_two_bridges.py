"""Bridges that share a key take over from each other, whatever a client has under way."""

from contextlib import asynccontextmanager

import httpx2
import pytest

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.config.bridge import BridgeSettings
from tests.eventually import eventually
from tests.unit.bridge.behind_router import ANY, mesh_of
from tests.unit.bridge.test_http import message, modern
from tests.unit.bridge.test_legacy_asks import (
    ACCEPT,
    accepted,
    answered,
    asker,
    call,
    session,
    streamed,
    text,
)
from tests.unit.bridge.test_listening import joining, reading
from tests.unit.bridge.test_resuming import Events

KEY = "a key that bridges share"
CAN = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}


@asynccontextmanager
async def bridge_on(mesh, key=KEY, settings=None):
    """Serve another bridge of the mesh; gives a client and what kills it."""
    bridge = Bridge(mesh.bridge.mesh, settings or BridgeSettings(session_key=key))
    server = HttpServer(HttpApp(bridge), ANY, grace=0)
    address = await server.start()
    try:
        async with httpx2.AsyncClient(base_url=f"http://{address}", timeout=10) as http:
            yield http, server.stop
    finally:
        await server.stop()


@pytest.fixture
async def mesh():
    async with mesh_of(asker()) as mesh:
        yield mesh


async def test_a_legacy_session_outlives_its_bridge(mesh):
    async with bridge_on(mesh) as (first, kill), bridge_on(mesh) as (second, _):
        headers = {**ACCEPT, **await session(first)}
        listed = (await first.post("/mcp", json=message("tools/list"), headers=headers)).json()
        await kill()
        assert (
            await second.post("/mcp", json=message("tools/list"), headers=headers)
        ).json() == listed


async def test_a_session_of_another_key_is_unknown(mesh):
    async with bridge_on(mesh) as (first, _), bridge_on(mesh, "k" * 20) as (second, _):
        headers = {**ACCEPT, **await session(first)}
        answer = await second.post("/mcp", json=message("tools/list"), headers=headers)
        assert answer.status_code == 404


async def test_each_round_of_questions_may_reach_another_bridge(mesh):
    async with bridge_on(mesh) as (first, kill), bridge_on(mesh) as (second, _):
        params = {"name": "order"}
        asked = (await modern(first, "tools/call", params, **CAN)).json()["result"]
        await kill()
        for key, value in (("what", "tea"), ("many", 2)):
            assert list(asked["inputRequests"]) == [key]
            answer = {key: {"action": "accept", "content": {"answer": value}}}
            state = {"inputResponses": answer, "requestState": asked["requestState"]}
            asked = (await modern(second, "tools/call", {**params, **state}, **CAN)).json()[
                "result"
            ]
        assert asked["content"][0]["text"] == "2 x tea"


@asynccontextmanager
async def two(mesh, key=KEY):
    """Serve two bridges that know each other, and give a client of each."""
    async with bridge_on(mesh, key) as (first, kill), bridge_on(mesh, key) as (second, _):
        yield first, second, kill


async def test_a_log_level_set_on_one_bridge_is_good_on_the_other(mesh):
    async with two(mesh) as (first, second, kill):
        headers = {**ACCEPT, **await session(first)}
        level = message("logging/setLevel", {"level": "debug"})
        assert (await first.post("/mcp", json=level, headers=headers)).json()["result"] == {}
        await kill()
        async with streamed(second, call("chatty"), headers) as events:
            line = await anext(events)
        assert line["params"] == {"level": "debug", "data": "thinking"}


async def test_a_bridge_that_comes_later_learns_what_was_set_before(mesh):
    async with bridge_on(mesh) as (first, kill):
        headers = {**ACCEPT, **await session(first)}
        level = message("logging/setLevel", {"level": "debug"})
        await first.post("/mcp", json=level, headers=headers)
        gone = await session(first)
        await first.delete("/mcp", headers=gone)
        await kill()
    async with bridge_on(mesh) as (second, _):
        async with streamed(second, call("chatty"), headers) as events:
            assert (await anext(events))["method"] == "notifications/message"
        answer = await second.post("/mcp", json=message("ping"), headers={**ACCEPT, **gone})
        assert answer.status_code == 404


async def test_a_session_that_ended_on_one_bridge_is_over_on_the_other(mesh):
    async with two(mesh) as (first, second, _):
        headers = {**ACCEPT, **await session(first)}
        assert (await first.delete("/mcp", headers=headers)).status_code == 200

        async def over():
            answer = await second.post("/mcp", json=message("ping"), headers=headers)
            return answer.status_code == 404

        await eventually(over)


async def test_a_resource_subscribed_on_one_bridge_is_told_of_on_the_other(mesh):
    async with two(mesh) as (first, second, kill):
        headers = {**ACCEPT, **await session(first)}
        get = {**headers, "accept": "text/event-stream"}
        body = message("resources/subscribe", {"uri": "a://late"})
        async with second.stream("GET", "/mcp", headers=get) as answer:
            events = reading(answer)
            async with joining(mesh, "resource"):
                assert (await anext(events))["method"] == "notifications/resources/list_changed"
                taken = await first.post("/mcp", json=body, headers=headers)
                assert taken.json()["result"] == {}
                await kill()
            async for event in events:
                if event["method"] == "notifications/resources/updated":
                    break
            assert event["params"] == {"uri": "a://late"}


@asynccontextmanager
async def resumed(http, last, headers):
    headers = {**headers, "accept": "text/event-stream", "last-event-id": last}
    async with http.stream("GET", "/mcp", headers=headers) as answer:
        assert answer.status_code == 200
        yield Events(answer)


async def test_a_question_of_one_bridge_is_answered_on_the_other(mesh):
    async with two(mesh) as (first, second, _):
        headers = {**ACCEPT, **await session(first)}
        other = {**ACCEPT, **await session(second)}
        async with streamed(first, call("order"), headers) as events:
            asked = await anext(events)
            await answered(second, other, asked, result=accepted("poison"))
            await answered(second, headers, asked, result=accepted("tea"))
            asked = await anext(events)
            assert asked["params"]["message"] == "How many?"
            await answered(second, headers, asked, result=accepted(2))
            assert text(await anext(events)) == "2 x tea"


async def test_a_call_of_one_bridge_is_cancelled_on_the_other(mesh):
    async with two(mesh) as (first, second, _):
        headers = {**ACCEPT, **await session(first)}
        async with streamed(first, call("order"), headers) as events:
            await anext(events)
            cancel = {"requestId": 1}
            body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel}
            assert (await second.post("/mcp", json=body, headers=headers)).status_code == 202
            assert [event async for event in events] == []


async def test_a_stream_of_one_bridge_goes_on_at_the_other(mesh):
    async with two(mesh) as (first, second, _):
        headers = await session(first)
        async with first.stream(
            "POST", "/mcp", json=call("order"), headers={**ACCEPT, **headers}
        ) as answer:
            primer, _ = await anext(Events(answer))
        async with resumed(second, primer, headers) as events:
            last, asked = await anext(events)
        await answered(second, headers, asked, result=accepted("tea"))
        async with resumed(second, last, headers) as events:
            last, asked = await anext(events)
            await answered(first, headers, asked, result=accepted(2))
            last, told = await anext(events)
            assert text(told) == "2 x tea"
            assert [event async for event in events] == []
        async with resumed(second, primer, headers) as events:
            assert [event[1].get("method") for event in [each async for each in events]] == [
                "elicitation/create",
                "elicitation/create",
                None,
            ]


async def test_a_large_answer_comes_whole_from_the_other_bridge(mesh):
    async with two(mesh) as (first, second, _):
        headers = await session(first)
        body = message("tools/call", {"name": "large"})
        async with first.stream("POST", "/mcp", json=body, headers={**ACCEPT, **headers}) as answer:
            events = Events(answer)
            primer, _ = await anext(events)
            _, asked = await anext(events)
        await answered(first, headers, asked, result=accepted("x"))
        async with resumed(second, primer, headers) as events:
            await anext(events)
            _, told = await anext(events)
        assert text(told) == "xé" * 600_000


async def test_who_comes_back_after_a_bridge_died_is_told_that_the_answer_is_lost(mesh):
    async with two(mesh) as (first, second, kill):
        headers = await session(first)
        async with first.stream(
            "POST", "/mcp", json=call("order"), headers={**ACCEPT, **headers}
        ) as answer:
            primer, _ = await anext(Events(answer))
        await kill()
        get = {**headers, "accept": "text/event-stream", "last-event-id": primer}
        async with second.stream("GET", "/mcp", headers=get) as answer:
            told = [event async for event in reading(answer)]
        assert [each["id"] for each in told] == [1]
        assert told[0]["result"]["isError"] is True


async def test_bridges_without_a_common_key_have_nothing_to_do_with_each_other(mesh):
    async with bridge_on(mesh, "") as (first, _), bridge_on(mesh, "k" * 20) as (second, _):
        headers = {**ACCEPT, **await session(first)}
        async with streamed(first, call("order"), headers) as events:
            asked = await anext(events)
            other = {**ACCEPT, **await session(second)}
            await answered(second, other, asked, result=accepted("poison"))
            await answered(first, headers, asked, result=accepted("tea"))
            assert (await anext(events))["params"]["message"] == "How many?"
