import asyncio
from dataclasses import dataclass

import grpc
import pytest
from opentelemetry.baggage import set_baggage
from opentelemetry.context import attach, detach
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from pydantic import BaseModel

from mcpmesh import Client, SyncClient, errors
from mcpmesh.model.trace import parse_traceparent
from mcpmesh.sdk.call_result import RetryableToolError, ToolError, UnexpectedResult
from mcpmesh.sdk.outgoing import QuestionUnanswered
from mcpmesh.telemetry.current import running
from mcpmesh.telemetry.tracing import CallSpan
from tests.eventually import eventually
from tests.unit.sdk.peer import serving

#: The type of the frame that opens a call. Source: RFC 9113, section 6.2.
HEADERS = 1
TRACEPARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
OTHER_TRACEPARENT = "00-fedcba9876543210fedcba9876543210-fedcba9876543210-00"


class Trip(BaseModel):
    city: str
    days: int = 3


@dataclass
class Stay:
    city: str
    days: int


async def test_result_gives_text_data_alerts_and_the_correlation_id(peer):
    client, _ = peer
    result = await client.call("echo", {"city": "Oslo"})
    assert result.text == "one\ntwo"
    assert result.data == result.structured == {"city": "Oslo"}
    assert result.alerts == ("from yesterday",)
    assert result.meta == {"k": 1}
    assert result.correlation_id == "corr-from-peer"
    assert result.raise_for_error() is result


@pytest.mark.parametrize("kind", [Trip, Stay])
async def test_result_type_makes_data_an_object_of_that_type(peer, kind):
    client, _ = peer
    result = await client.call("echo", {"city": "Oslo", "days": 2}, result_type=kind)
    assert result.data == kind(city="Oslo", days=2)


async def test_result_that_does_not_fit_its_type_is_refused_with_the_field(peer):
    client, _ = peer
    with pytest.raises(UnexpectedResult, match=r"Trip.*city"):
        await client.call("echo", {"town": "Oslo"}, result_type=Trip)


async def test_pydantic_models_and_dataclasses_travel_as_arguments(peer):
    client, _ = peer
    result = await client.call("echo", {"trip": Trip(city="Oslo"), "stay": Stay("Bergen", 1)})
    assert result.data == {
        "trip": {"city": "Oslo", "days": 3},
        "stay": {"city": "Bergen", "days": 1},
    }


async def test_arguments_that_are_not_json_are_refused_before_sending(peer):
    client, seen = peer
    with pytest.raises(errors.InvalidCall, match="echo: the arguments are not JSON"):
        await client.call("echo", {"what": object()})
    endless = []
    endless.append(endless)
    with pytest.raises(errors.InvalidCall, match="nested over 254 levels deep, or hold themselves"):
        await client.call("echo", {"what": endless})
    with pytest.raises(errors.InvalidCall, match="has half of a surrogate pair"):
        await client.call("echo", {"what": "\ud800"})
    assert seen.requests == []


async def test_metadata_carries_name_version_correlation_trace_and_wait_for_ready(peer):
    client, seen = peer
    await client.call(
        "echo",
        version="7",
        correlation_id="mine",
        traceparent=TRACEPARENT,
        wait_for_ready=True,
        metadata=[("x-own", "1")],
    )
    sent = seen.metadata[0]
    assert sent["mcp-name"] == "echo"
    assert sent["mcpmesh-tool-version"] == seen.requests[0].version == "7"
    assert sent["x-correlation-id"] == "mine"
    assert sent["traceparent"] == TRACEPARENT
    assert sent["mcpmesh-wait-for-ready"] == "true"
    assert sent["x-own"] == "1"


async def test_metadata_of_a_plain_call_is_the_tool_name_and_the_clients_own():
    async with serving() as (target, seen), Client(target, metadata=[("x-team", "a")]) as client:
        await client.call("echo")
        await client.list_replicas()
    sent = seen.metadata[0]
    assert sent["mcp-name"] == "echo"
    assert sent["x-team"] == "a"
    assert not {"mcpmesh-tool-version", "mcpmesh-wait-for-ready", "traceparent"} & set(sent)


@pytest.mark.parametrize(
    "options",
    [
        {"correlation_id": "with space"},
        {"traceparent": "00-1-2-3"},
        {"timeout": -1.0},
        {"timeout": float("nan")},
    ],
)
async def test_options_that_cannot_travel_are_refused(peer, options):
    client, _ = peer
    with pytest.raises(errors.InvalidCall):
        await client.call("echo", **options)


@pytest.mark.parametrize("metadata", [{"x-user": "ada"}, {"te": "no"}, "x-user", [("x-user",)]])
async def test_metadata_that_is_no_pairs_is_refused_with_how_to_write_it(peer, metadata):
    client, _ = peer
    with pytest.raises(
        errors.InvalidCall, match=r"is not pairs of texts; write it as \[\('x-user'"
    ):
        await client.call("echo", metadata=metadata)
    with pytest.raises(errors.InvalidCall, match="is not pairs of texts"):
        Client(metadata=metadata)


@pytest.mark.parametrize("direct", ["yes", 1, {"tool": ()}])
def test_direct_is_a_switch_or_settings(direct):
    with pytest.raises(errors.InvalidCall, match="is not True, False or a RouterSettings"):
        Client(direct=direct)


async def test_unknown_option_is_a_type_error(peer):
    client, _ = peer
    with pytest.raises(TypeError, match="tiemout"):
        await client.call("echo", tiemout=1)


async def test_tools_own_failure_is_a_result_that_raises_when_told_to(peer):
    client, _ = peer
    result = await client.call("refuse", result_type=Trip)
    assert result.is_error
    assert result.text == "closed on Sundays"
    assert result.failure.retry_after_ms == 40
    with pytest.raises(RetryableToolError, match="closed on Sundays") as caught:
        result.raise_for_error()
    assert caught.value.retryable
    assert caught.value.retry_after_ms == 40
    assert caught.value.code == "UNAVAILABLE"
    assert caught.value.result is result


async def test_data_of_a_failed_call_raises(peer):
    client, _ = peer
    result = await client.call("refuse")
    with pytest.raises(ToolError):
        _ = result.data


async def test_rpc_error_becomes_our_class_with_message_pushback_and_correlation_id(peer):
    client, _ = peer
    with pytest.raises(errors.ToolNotFound, match="nearest: echo") as caught:
        await client.call("missing")
    assert caught.value.retry_after_ms == 250
    assert caught.value.__notes__ == ["correlation id corr-7"]


async def test_timeout_is_sent_and_its_end_is_deadline_exceeded(peer):
    client, seen = peer
    with pytest.raises(errors.DeadlineExceeded):
        await client.call("hang", timeout=0.1)
    assert 0 < seen.time_remaining[0] < 0.2


async def test_default_timeout_holds_unless_the_call_says_otherwise():
    async with serving() as (target, seen), Client(target, default_timeout=5) as client:
        await client.call("echo")
        await client.call("echo", timeout=1)
        await client.call("echo", timeout=None)
    first, second, third = seen.time_remaining
    assert 4 < first < 5.1
    assert 0.5 < second < 1.1
    assert third is None or third > 1e6


async def test_cancelling_the_task_cancels_the_call_on_the_wire(peer):
    client, seen = peer
    task = asyncio.create_task(client.call("hang"))
    await eventually(lambda: seen.requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(seen.cancelled.wait(), 10)


async def test_tool_that_asks_back_is_called_again_with_the_answer(peer):
    client, seen = peer
    asked = []

    async def answer(question):
        asked.append(question)
        return {"action": "accept", "content": {"amount": 4}}

    result = await client.call("order", {"dish": "soup"}, on_input=answer)
    assert result.data == {"action": "accept", "content": {"amount": 4}}
    assert asked[0].method == "elicitation/create"
    assert asked[0].params == {"message": "how many?"}
    assert [request.arguments for request in seen.requests] == [b'{"dish":"soup"}'] * 2


async def test_tool_that_asks_back_without_anybody_to_answer_is_an_error(peer):
    client, _ = peer
    with pytest.raises(QuestionUnanswered, match="on_input") as caught:
        await client.call("order")
    assert caught.value.questions[0].key == "amount"


async def test_nobody_listening_is_no_replica():
    async with Client("127.0.0.1:1") as client:
        with pytest.raises(errors.NoReplica):
            await client.call("echo", timeout=5)


async def test_closed_client_refuses_calls_and_closes_twice():
    async with serving() as (target, _):
        client = Client(target)
        await client.call("echo")
        await client.aclose()
        await client.aclose()
        with pytest.raises(RuntimeError, match="is closed"):
            await client.call("echo")


async def test_list_tools_reads_all_pages(peer):
    client, _ = peer
    tools = await client.list_tools()
    assert len({tool.name for tool in tools}) == 1200
    assert tools[0].ready_replicas == 2
    assert tools[0].input_schema == {"type": "object"}


async def test_get_search_and_replicas_give_values(peer):
    client, _ = peer
    assert (await client.get_tool("echo")).version == "9"
    assert (await client.get_tool("echo", "2")).version == "2"
    assert (await client.search_tools("repeat"))[0].info.name == "echo"
    assert (await client.list_replicas("echo"))[0].tools == ("echo@1",)
    with pytest.raises(errors.ToolNotFound):
        await client.get_tool("missing")


async def test_call_out_of_a_tool_carries_its_trace_and_correlation_id(peer):
    client, seen = peer
    trace = parse_traceparent(TRACEPARENT, "vendor=1")
    with running(CallSpan(trace, "outer-call")):
        await client.call("echo")
        await client.call("echo", correlation_id="inner", traceparent=OTHER_TRACEPARENT)
        await client.call("echo", metadata=[("traceparent", OTHER_TRACEPARENT)])
    first, second, third = seen.metadata
    assert first["traceparent"] == TRACEPARENT
    assert first["tracestate"] == "vendor=1"
    assert first["x-correlation-id"] == "outer-call"
    assert second["x-correlation-id"] == "inner"
    assert second["traceparent"] == third["traceparent"] == OTHER_TRACEPARENT
    assert "tracestate" not in second
    assert "tracestate" not in third


async def test_call_carries_the_current_opentelemetry_span_and_baggage(peer):
    client, seen = peer
    span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
    token = attach(set_baggage("team", "a b", set_span_in_context(span)))
    await client.call("echo")
    detach(token)
    assert seen.metadata[0]["traceparent"] == f"00-{0xABC:032x}-{0xDEF:016x}-01"
    assert seen.metadata[0]["baggage"] == "team=a+b"


async def test_given_channel_is_used_and_left_open():
    async with serving() as (target, _), grpc.aio.insecure_channel(target) as channel:
        async with Client("only a name", channel=channel) as client:
            assert (await client.call("echo", {"n": 1})).data == {"n": 1}
            with pytest.raises(errors.ToolNotFound):
                await client.call("missing")
        async with Client(channel=channel) as client:
            events = [event async for event in client.stream("prices")]
        assert len(events) == 4


async def test_lost_connection_names_whom_it_led_to():
    async def hang_up_on_a_call(reader, writer):
        empty_settings = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
        writer.write(empty_settings)
        await reader.readexactly(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        while (head := await reader.readexactly(9))[3] != HEADERS:
            await reader.readexactly(int.from_bytes(head[:3], "big"))
        writer.transport.abort()

    server = await asyncio.start_server(hang_up_on_a_call, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, Client(target) as client:
        with pytest.raises(errors.NoReplica, match=f"^{target}: connection (closed|lost)"):
            await client.call("echo", timeout=10)


@pytest.mark.parametrize("kind", [Client, SyncClient])
@pytest.mark.parametrize("target", [None, 7070, ("127.0.0.1", 7070), b"127.0.0.1:7070"])
def test_target_that_is_no_text_is_refused_where_it_is_given(kind, target):
    with pytest.raises(errors.InvalidCall, match=r"is not text; write it as '127\.0\.0\.1:7070'"):
        kind(target)


@pytest.mark.parametrize("kind", [Client, SyncClient])
def test_target_that_is_no_address_is_refused_where_it_is_given(kind):
    with pytest.raises(errors.InvalidCall, match="'http://mesh:7070' is not HOST:PORT"):
        kind("http://mesh:7070")
