import asyncio

import pytest

from mcpmesh import Client, errors
from mcpmesh.sdk.call_result import CallResult
from mcpmesh.sdk.catalog_watch import Removed, Snapshot, Updated
from mcpmesh.sdk.events import Chunk, LogEvent, ProgressEvent
from mcpmesh.sdk.outgoing import QuestionUnanswered
from tests.eventually import eventually


async def test_stream_yields_typed_events_and_the_result_last(peer):
    client, seen = peer
    events = [event async for event in client.stream("prices", {"symbol": "MSFT"})]
    assert events[0] == ProgressEvent(1, 2)
    assert events[1] == LogEvent("info", "hello")
    assert isinstance(events[2], Chunk)
    assert events[2].data == {"price": 1}
    assert isinstance(events[3], CallResult)
    assert events[3].data == {"city": "Oslo", "days": 2}
    assert events[3].correlation_id == "corr-from-peer"
    assert seen.metadata[0]["mcp-name"] == "prices"


async def test_stream_result_is_of_the_type_asked_for(peer):
    client, _ = peer
    async for event in client.stream("prices", result_type=dict[str, str | int]):
        last = event
    assert last.data == {"city": "Oslo", "days": 2}


async def test_stream_without_a_result_broke_the_protocol(peer):
    client, _ = peer
    with pytest.raises(errors.RemoteProtocolError, match="cut: the stream ended"):
        _ = [event async for event in client.stream("cut")]


async def test_leaving_a_stream_cancels_the_call_on_the_wire(peer):
    client, seen = peer
    async with client.stream("endless") as events:
        async for event in events:
            if isinstance(event, LogEvent):
                break
    await asyncio.wait_for(seen.cancelled.wait(), 10)
    assert [event async for event in events] == []


async def test_dropping_a_stream_cancels_the_call_on_the_wire(peer):
    client, seen = peer
    async for event in client.stream("endless"):
        if isinstance(event, LogEvent):
            break
    await asyncio.wait_for(seen.cancelled.wait(), 10)


async def test_closing_a_stream_ends_the_iteration_of_another_task(peer):
    client, _ = peer
    stream = client.stream("endless")
    got = []

    async def read():
        async for event in stream:
            got.append(event)

    reading = asyncio.create_task(read())
    await eventually(lambda: len(got) == 2)
    await stream.aclose()
    await asyncio.wait_for(reading, 10)
    assert len(got) == 2


async def test_cancelled_reader_cancels_the_call_and_stays_cancelled(peer):
    client, seen = peer
    got = []

    async def read():
        async for event in client.stream("endless"):
            got.append(event)

    reading = asyncio.create_task(read())
    await eventually(lambda: len(got) == 2)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(seen.cancelled.wait(), 10)


async def test_stream_that_runs_out_of_time_is_deadline_exceeded(peer):
    client, _ = peer
    with pytest.raises(errors.DeadlineExceeded):
        _ = [event async for event in client.stream("endless", timeout=0.1)]


async def test_stream_goes_on_after_the_answer_to_a_question(peer):
    client, seen = peer

    async def answer(question):
        return {"action": "accept"}

    events = [event async for event in client.stream("order", on_input=answer)]
    assert isinstance(events[-1], CallResult)
    assert seen.requests[1].request_state == b"state-1"
    with pytest.raises(QuestionUnanswered):
        _ = [event async for event in client.stream("order")]


async def test_conversation_sends_and_receives_in_turn(peer):
    client, seen = peer
    async with client.converse("sum", version="2") as talk:
        await talk.send({"add": 2})
        assert (await anext(talk)).text == "2"
        await talk.send({"add": 3})
        assert (await anext(talk)).text == "5"
        await talk.done_writing()
        assert (await anext(talk)).data == 5
        assert [event async for event in talk] == []
    assert [request.tool for request in seen.requests] == ["sum", ""]
    assert seen.requests[0].version == "2"


async def test_sending_after_the_end_of_a_conversation_is_refused(peer):
    client, _ = peer
    async with client.converse("sum") as talk:
        await talk.done_writing()
        with pytest.raises(errors.LocalProtocolError, match="sum: the conversation has ended"):
            await talk.send({"add": 1})


async def test_watch_resumes_by_cursor_after_a_loss_and_after_resync(peer):
    client, seen = peer
    events = []
    async with asyncio.timeout(5):
        async for event in client.watch(labels={"team": "a"}):
            events.append(event)
            if len(events) == 4:
                break
    assert [type(event) for event in events] == [Snapshot, Updated, Removed, Snapshot]
    assert events[1].info.name == "sum"
    assert events[2] == Removed("sum", "1", "c3")
    assert [watch.cursor for watch in seen.watches] == ["", "c2", "c4"]
    assert dict(seen.watches[2].labels) == {"team": "a"}


async def test_watch_of_nobody_fails_at_once():
    async with Client("127.0.0.1:1") as client:
        with pytest.raises(errors.NoReplica):
            await anext(client.watch())
