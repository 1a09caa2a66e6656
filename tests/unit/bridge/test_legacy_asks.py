"""A tool asks back a client of an older revision: a request on its stream, answered by a POST."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from mcpmesh import ToolContext, ToolServer
from mcpmesh.bridge.stdio import StdioConnection
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.config.bridge import BridgeSettings
from tests.eventually import eventually
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_http import message
from tests.unit.bridge.test_stdio import Pipe

ACCEPT = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
CAN = {"elicitation": {}, "sampling": {}}


def asker() -> ToolServer:
    app = ToolServer("asker")

    @app.tool
    async def order(ctx: ToolContext) -> str:
        """Asks twice, one after the other."""
        what = await ctx.ask("What?", key="what")
        many = await ctx.ask("How many?", int, key="many")
        return f"{many} x {what}"

    @app.tool
    async def both(ctx: ToolContext) -> str:
        """Asks twice at once."""
        texts = await asyncio.gather(ctx.ask("A?", key="a"), ctx.ask("B?", key="b"))
        return " and ".join(texts)

    @app.tool
    async def chatty(ctx: ToolContext) -> str:
        """Logs, then asks."""
        await ctx.log("debug", "thinking")
        return str(await ctx.ask("What?", key="what"))

    @app.tool
    async def large(ctx: ToolContext) -> str:
        """Asks, and has much to say."""
        return (str(await ctx.ask("What?", key="what")) + "\u00e9") * 600_000

    @app.prompt
    async def about(ctx: ToolContext) -> str:
        """Asks too."""
        return str(await ctx.ask("What?", key="what"))

    return app


@pytest.fixture
async def mesh():
    async with mesh_of(asker(), Tuning(ask_timeout=5.0)) as mesh:
        yield mesh


async def session(http, capabilities=CAN):
    params = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": {}}
    answer = await http.post("/mcp", json=message("initialize", params), headers=ACCEPT)
    return {"mcp-session-id": answer.headers["mcp-session-id"]}


def call(tool):
    return message("tools/call", {"name": tool})


@asynccontextmanager
async def streamed(http, body, headers):
    """POST, and yield the answer's events as they come."""
    async with http.stream("POST", "/mcp", json=body, headers={**ACCEPT, **headers}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"

        async def events():
            async for line in answer.aiter_lines():
                if line.startswith("data: {"):
                    yield orjson.loads(line.removeprefix("data: "))

        yield events()


async def answered(http, headers, asked, **response):
    body = {"jsonrpc": "2.0", "id": asked["id"], **response}
    taken = await http.post("/mcp", json=body, headers={**ACCEPT, **headers})
    assert taken.status_code == 202


def accepted(value):
    return {"action": "accept", "content": {"answer": value}}


def text(event):
    return event["result"]["content"][0]["text"]


async def test_questions_come_on_the_stream_one_round_after_the_other(mesh):
    http, headers = mesh.http, await session(mesh.http)
    async with streamed(http, call("order"), headers) as events:
        asked = await anext(events)
        assert asked["method"] == "elicitation/create"
        assert asked["params"]["message"] == "What?"
        await answered(http, headers, asked, result=accepted("tea"))
        asked = await anext(events)
        assert asked["params"]["message"] == "How many?"
        await answered(http, headers, asked, result=accepted(2))
        last = await anext(events)
        assert (last["id"], text(last)) == (1, "2 x tea")
        assert [event async for event in events] == []
    assert len(mesh.bridge.asks) == 0


async def test_questions_of_one_round_may_be_answered_in_any_order(mesh):
    http, headers = mesh.http, await session(mesh.http)
    async with streamed(http, call("both"), headers) as events:
        asked = [await anext(events), await anext(events)]
        for each in reversed(asked):
            said = each["params"]["message"][0].lower()
            await answered(http, headers, each, result=accepted(said))
        assert text(await anext(events)) == "a and b"


async def test_a_client_that_refuses_fails_the_call(mesh):
    http, headers = mesh.http, await session(mesh.http)
    async with streamed(http, call("order"), headers) as events:
        asked = await anext(events)
        await answered(http, headers, asked, error={"code": -1, "message": "not now"})
        last = await anext(events)
    assert last["result"]["isError"] is True
    assert text(last) == "order: the client refused to answer: not now"


async def test_a_user_who_declines_is_told_to_the_tool(mesh):
    http, headers = mesh.http, await session(mesh.http)
    async with streamed(http, call("order"), headers) as events:
        await answered(http, headers, await anext(events), result={"action": "decline"})
        assert "declined" in text(await anext(events))


async def test_only_the_session_that_was_asked_can_answer(mesh):
    http, headers = mesh.http, await session(mesh.http)
    other = await session(http)
    async with streamed(http, call("order"), headers) as events:
        asked = await anext(events)
        await answered(http, other, asked, result=accepted("poison"))
        await answered(http, {}, asked, result=accepted("poison"))
        await answered(http, headers, asked, result=accepted("tea"))
        assert (await anext(events))["params"]["message"] == "How many?"


async def test_a_client_that_cannot_be_asked_is_told_so_at_once(mesh):
    http = mesh.http
    unable = await session(http, {"sampling": {}})
    for headers in (
        {**ACCEPT, **unable},
        {**ACCEPT, **await session(http), "accept": "application/json"},
        ACCEPT,
    ):
        answer = await http.post("/mcp", json=call("order"), headers=headers)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["result"]["isError"] is True


async def test_no_answer_in_time_fails_the_call():
    async with mesh_of(asker(), Tuning(ask_timeout=0.05)) as mesh:
        headers = await session(mesh.http)
        for tool in ("order", "both"):
            async with streamed(mesh.http, call(tool), headers) as events:
                last = [event async for event in events][-1]
            assert text(last) == f"{tool}: the client gave no answer within 0.05 s"
        assert len(mesh.bridge.asks) == 0


async def test_a_call_is_cancelled_while_it_asks(mesh):
    http, headers = mesh.http, await session(mesh.http)
    async with streamed(http, call("order"), headers) as events:
        await anext(events)
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        await http.post("/mcp", json=cancel, headers={**ACCEPT, **headers})
        assert [event async for event in events] == []
    assert len(mesh.bridge.asks) == 0


async def test_a_client_that_goes_away_for_long_leaves_nothing():
    async with mesh_of(asker(), settings=BridgeSettings(resume_within=0.05)) as mesh:
        headers = await session(mesh.http)
        async with streamed(mesh.http, call("order"), headers) as events:
            await anext(events)
            assert len(mesh.bridge.asks) == 1
        await eventually(lambda: len(mesh.bridge.asks) == 0)


async def test_a_prompt_asks_too(mesh):
    http, headers = mesh.http, await session(mesh.http)
    body = message("prompts/get", {"name": "about"})
    async with streamed(http, body, headers) as events:
        await answered(http, headers, await anext(events), result=accepted("tea"))
        last = await anext(events)
    assert last["result"]["messages"][0]["content"]["text"] == "tea"


async def test_a_session_that_set_a_log_level_hears_log_lines(mesh):
    http, headers = mesh.http, await session(mesh.http)
    level = message("logging/setLevel", {"level": "debug"})
    assert (await http.post("/mcp", json=level, headers={**ACCEPT, **headers})).json()[
        "result"
    ] == {}
    async with streamed(http, call("chatty"), headers) as events:
        line = await anext(events)
        assert line["method"] == "notifications/message"
        assert line["params"] == {"level": "debug", "data": "thinking"}
        await answered(http, headers, await anext(events), result=accepted("tea"))
        assert (await anext(events))["method"] == "notifications/message"
        assert text(await anext(events)) == "tea"


async def test_a_client_on_stdio_is_asked_on_stdout(mesh):
    pipe = Pipe()
    serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
    params = {"protocolVersion": "2025-11-25", "capabilities": CAN, "clientInfo": {}}
    pipe.send(id=0, method="initialize", params=params)
    await pipe.hear()
    pipe.send(id=1, method="tools/call", params={"name": "order"})
    asked = await pipe.hear()
    assert asked["method"] == "elicitation/create"
    pipe.send(id=asked["id"], result=accepted("tea"))
    asked = await pipe.hear()
    pipe.send(id=asked["id"], result=accepted(3))
    assert text(await pipe.hear()) == "3 x tea"
    pipe.reader.feed_eof()
    await asyncio.wait_for(serving, 5)
