"""A legacy client loses the connection of a stream, comes back, and hears the rest."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest
from mcp.client.client import Client

from mcpmesh import ToolContext, ToolServer
from mcpmesh.config.bridge import BridgeSettings
from tests.eventually import eventually
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_http import META, message, modern_headers, refused
from tests.unit.bridge.test_legacy_asks import ACCEPT, accepted, answered, session, text

EVENTS = {"accept": "text/event-stream"}


class Gated:
    """A tool that tells how far it is whenever it is let."""

    def __init__(self):
        self.app = ToolServer("gated")
        self.go = asyncio.Queue()
        self.cancelled = asyncio.Event()

        @self.app.tool
        async def steps(ctx: ToolContext) -> str:
            """Takes steps."""
            done = 0
            try:
                while await self.go.get():
                    done += 1
                    await ctx.progress(done)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return f"{done} steps"

        @self.app.tool
        async def asks(ctx: ToolContext) -> str:
            """Asks."""
            return str(await ctx.ask("What?", key="what"))

    def let(self, steps, *, end=False):
        for _ in range(steps):
            self.go.put_nowait(True)
        if end:
            self.go.put_nowait(False)


@asynccontextmanager
async def gated(**settings):
    tools = Gated()
    async with mesh_of(tools.app, settings=BridgeSettings(**settings)) as mesh:
        mesh.tools = tools
        yield mesh


def steps(token=7, request_id=1):
    meta = {} if token is None else {"_meta": {"progressToken": token}}
    return message("tools/call", {"name": "steps", **meta}, request_id)


class Events:
    """The events of an answer: each its id and message, None for one without."""

    def __init__(self, answer):
        self.answer = answer
        self.retry = None
        self._lines = answer.aiter_lines()
        self._last = ""

    def __aiter__(self):
        return self

    async def __anext__(self):
        event_id, data = "", None
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                event_id = value
            elif field == "retry":
                self.retry = int(value)
            elif field == "data":
                data = orjson.loads(value) if value else None
            elif not line and event_id:
                return event_id, data
        raise StopAsyncIteration


@asynccontextmanager
async def posted(mesh, body, headers):
    async with mesh.http.stream("POST", "/mcp", json=body, headers={**ACCEPT, **headers}) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        yield Events(answer)


@asynccontextmanager
async def resumed(mesh, last, headers):
    headers = {**headers, **EVENTS, "last-event-id": last}
    async with mesh.http.stream("GET", "/mcp", headers=headers) as answer:
        if answer.status_code != 200:
            await answer.aread()
        yield Events(answer)


def progress(event):
    return event[1]["params"]["progress"]


async def old_session(http, version):
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {}}
    answer = await http.post("/mcp", json=message("initialize", params), headers=ACCEPT)
    return {"mcp-session-id": answer.headers["mcp-session-id"]}


async def test_a_client_that_comes_back_hears_what_it_missed_and_the_rest():
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(2)
        async with posted(mesh, steps(), headers) as events:
            assert (await anext(events))[1] is None  # primes it to come back
            assert events.retry == 1000
            first = await anext(events)
            assert progress(first) == 1
        mesh.tools.let(1)
        async with resumed(mesh, first[0], headers) as events:
            assert [progress(await anext(events)), progress(await anext(events))] == [2, 3]
            mesh.tools.let(0, end=True)
            assert text((await anext(events))[1]) == "3 steps"
            assert [event async for event in events] == []


async def test_the_response_is_there_for_who_comes_late_and_may_be_read_again():
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1)
        async with posted(mesh, steps(), headers) as events:
            primer, _ = await anext(events)
        mesh.tools.let(0, end=True)
        for _ in range(2):
            async with resumed(mesh, primer, headers) as events:
                said = [event async for event in events]
            assert progress(said[0]) == 1
            assert text(said[1][1]) == "1 steps"


async def test_nothing_of_other_streams_is_replayed():
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(2, end=True)
        async with posted(mesh, steps("one", 1), headers) as events:
            ids = [event async for event in events]
        mesh.tools.let(1, end=True)
        async with posted(mesh, steps("two", 2), headers) as events:
            ids += [event async for event in events]
        assert len({event_id for event_id, _ in ids}) == len(ids) == 7
        async with resumed(mesh, ids[1][0], headers) as events:
            said = [event async for event in events]
        assert said == ids[2:4]


async def test_an_event_id_is_good_for_its_session_alone():
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1, end=True)
        async with posted(mesh, steps(), headers) as events:
            [(primer, _), *_] = [event async for event in events]
        mark, _, _ = primer.rpartition(".")
        other = await session(mesh.http)
        forged = primer[:5] + ("A" if primer[5] != "A" else "B") + primer[6:]
        for last, who in ((primer, other), (forged, headers), (mark, headers), ("x.1", headers)):
            async with resumed(mesh, last, who) as events:
                refused(events.answer, 400, -32600, None)


async def test_a_later_reader_takes_over_from_the_one_before():
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1)
        async with posted(mesh, steps(), headers) as first:
            await anext(first)
            last, _ = await anext(first)
            async with resumed(mesh, last, headers) as second:
                assert [event async for event in first] == []
                mesh.tools.let(0, end=True)
                assert text((await anext(second))[1]) == "1 steps"


async def test_the_server_sends_a_client_away_that_comes_back_to_poll():
    async with gated(poll_after=0.05) as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1)
        async with posted(mesh, steps(), headers) as events:
            said = [event async for event in events]
            assert events.retry == 1000
        assert len(said) == 2  # and no response
        async with resumed(mesh, said[-1][0], headers) as events:
            assert [event async for event in events] == []
        mesh.tools.let(1, end=True)
        async with resumed(mesh, said[-1][0], headers) as events:
            said = [event async for event in events]
        assert text(said[-1][1]) == "2 steps"


async def test_a_revision_without_polling_is_not_primed_and_not_sent_away():
    async with gated(poll_after=0.05) as mesh:
        for version in ("2025-03-26", "2025-06-18"):
            headers = await old_session(mesh.http, version)
            mesh.tools.let(1)
            async with posted(mesh, steps(), headers) as events:
                last, told = await anext(events)
                assert told["params"]["progress"] == 1
            async with resumed(mesh, last, headers) as events:
                coming = asyncio.ensure_future(anext(events))
                await asyncio.wait((coming,), timeout=0.1)  # longer than poll_after
                mesh.tools.let(0, end=True)
                assert text((await coming)[1]) == "1 steps"


async def test_a_call_without_a_word_becomes_a_stream_with_signs_of_life_in_both_eras():
    async with gated(heartbeat=1.0) as mesh:
        headers = await session(mesh.http)
        modern = message("tools/call", {"name": "steps", "_meta": META})
        modern_head = {**modern_headers("tools/call", "steps"), **ACCEPT}

        async def lives(body, head, first):
            async with posted(mesh, body, head) as events:
                lines = events.answer.aiter_lines()
                assert (await anext(lines)).startswith(first)
                mesh.tools.let(0, end=True)
                last = [line async for line in lines if line.startswith("data: {")]
            assert text(orjson.loads(last[-1].removeprefix("data: "))) == "0 steps"

        old = lives(steps(None), headers, "id: ")
        await asyncio.gather(old, lives(modern, modern_head, ": keep-alive"))


async def test_a_modern_client_that_leaves_a_long_call_cancels_it():
    async with gated(heartbeat=1.0) as mesh:
        modern = message("tools/call", {"name": "steps", "_meta": META})
        async with posted(mesh, modern, modern_headers("tools/call", "steps")):
            pass
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
        assert len(mesh.bridge.streams) == 0


async def test_a_client_that_does_not_come_back_in_time_cancels_its_call():
    async with gated(resume_within=0.05) as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1)
        async with posted(mesh, steps(), headers) as events:
            primer, _ = await anext(events)
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
        await eventually(lambda: len(mesh.bridge.streams) == 0)
        async with resumed(mesh, primer, headers) as events:
            assert events.answer.status_code == 200
            lines = [line async for line in events.answer.aiter_lines()]
        [told] = [line for line in lines if line.startswith("data: ")]
        told = orjson.loads(told.removeprefix("data: "))
        assert (told["id"], told["result"]["isError"]) == (1, True)
        assert "lost" in text(told)


async def test_a_call_is_cancelled_by_name_while_nobody_reads_it():
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1)
        async with posted(mesh, steps(), headers) as events:
            primer, _ = await anext(events)
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        await mesh.http.post("/mcp", json=cancel, headers={**ACCEPT, **headers})
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
        async with resumed(mesh, primer, headers) as events:
            said = [event async for event in events]
        assert [progress(event) for event in said] == [1]


async def test_questions_wait_for_who_comes_back():
    async with gated() as mesh:
        headers = await session(mesh.http)
        async with posted(mesh, message("tools/call", {"name": "asks"}), headers) as events:
            primer, _ = await anext(events)
        async with resumed(mesh, primer, headers) as events:
            last, asked = await anext(events)
        await answered(mesh.http, headers, asked, result=accepted("tea"))
        async with resumed(mesh, last, headers) as events:
            assert text((await anext(events))[1]) == "tea"


async def test_memory_is_bounded_for_a_stream():
    async with gated(max_stream_bytes=2048) as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(100, end=True)
        async with posted(mesh, steps(), headers) as events:
            primer, _ = await anext(events)
        kept = mesh.bridge.streams._streams.values()
        await eventually(lambda: all(stream.done for _, stream in kept))
        async with resumed(mesh, primer, headers) as events:
            said = [event async for event in events]
        assert 1 < len(said) < 20
        assert text(said[-1][1]) == "100 steps"


async def test_memory_is_bounded_for_all_streams():
    # Less than a call costs that goes on: those here are done when their clients leave.
    async with gated(max_kept_bytes=20_000) as mesh:
        headers = await session(mesh.http)
        for number in range(1, 12):
            mesh.tools.let(1, end=True)
            async with posted(mesh, steps(request_id=number), headers) as events:
                async for _ in events:
                    pass
        assert 0 < len(mesh.bridge.streams) < 10


async def test_the_end_of_a_session_forgets_its_streams():
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1)
        async with posted(mesh, steps(), headers) as events:
            await anext(events)
        await mesh.http.delete("/mcp", headers=headers)
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
        assert len(mesh.bridge.streams) == 0


@pytest.mark.parametrize("detached", [True, False])
async def test_a_bridge_that_stops_leaves_no_call(detached):
    async with gated() as mesh:
        headers = await session(mesh.http)
        mesh.tools.let(1)
        async with posted(mesh, steps(), headers) as events:
            await anext(events)
            if not detached:
                stopping = asyncio.create_task(mesh.server.stop())
                mesh.tools.let(0, end=True)
                said = [event async for event in events]
                assert text(said[-1][1]) == "1 steps"
                await stopping
        if detached:
            await mesh.server.stop()
            await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
        assert len(mesh.bridge.streams) == 0


async def test_the_official_client_polls_when_it_is_sent_away():
    heard = []

    async def hear(progress, total, message):
        heard.append(progress)
        mesh.tools.let(1, end=progress == 3)

    async with gated(poll_after=0.3) as mesh:
        mesh.tools.let(1)
        async with Client(f"{mesh.http.base_url}/mcp", mode="legacy") as client:
            result = await client.call_tool("steps", {}, progress_callback=hear_slowly(hear))
    assert result.content[0].text == "4 steps"
    assert heard[:3] == [1.0, 2.0, 3.0]


def hear_slowly(hear):
    """Wait longer than the bridge lets a stream stay, so that the rest comes on others."""

    async def heard(progress, total, message):
        await asyncio.sleep(0.4)
        await hear(progress, total, message)

    return heard
