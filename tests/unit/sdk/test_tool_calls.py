"""A tool server over loopback, called with grpcio's own stubs."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import orjson
import pytest
from pydantic import BaseModel

from mcpmesh import ToolContext, ToolServer
from mcpmesh.sdk.content import Image
from mcpmesh.sdk.failure import ToolFailure
from mcpmesh.v1 import invoke_pb2, tool_pb2
from tests.eventually import eventually
from tests.unit.sdk.stub import stub_of

began, cancelled = asyncio.Event(), asyncio.Event()


class Day(BaseModel):
    city: str
    high: float


@dataclass
class Point:
    x: int
    y: int


def weather() -> ToolServer:
    app = ToolServer("weather")

    @app.tool(idempotent=True, timeout=2.0)
    async def forecast(city: str, days: int = 3) -> list[Day]:
        """Daily forecast for a city."""
        return [Day(city=city, high=20.5 + day) for day in range(days)]

    @app.tool
    def thread_name() -> str:
        return threading.current_thread().name

    @app.tool
    async def count(to: int) -> AsyncIterator[str]:
        for number in range(to):
            yield str(number)

    @app.tool
    def count_in_a_thread(to: int) -> Iterator[str]:
        for number in range(to):
            yield f"{number} {threading.current_thread().name}"

    @app.tool
    async def bad() -> None:
        raise KeyError("no such thing")

    @app.tool
    async def busy() -> None:
        raise ToolFailure("the kitchen is closed; order tomorrow", retry_after_ms=1500)

    @app.tool(timeout=0.02)
    async def slow() -> None:
        await asyncio.sleep(10)

    @app.tool
    async def forever() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    @app.tool
    async def report(ctx: ToolContext) -> Point:
        await ctx.progress(1, 2, "half")
        await ctx.log("info", {"rows": 3})
        ctx.alert("data is from yesterday")
        return Point(1, 2)

    @app.tool
    def report_in_a_thread(rows: int, ctx: ToolContext) -> int:
        for row in range(rows):
            ctx.sync.progress(row, rows)
        return rows

    @app.tool
    async def who(ctx: ToolContext) -> dict[str, Any]:
        return {
            "caller": ctx.caller,
            "correlation_id": ctx.correlation_id,
            "trace_id": ctx.trace.trace_id,
            "remaining": ctx.time_remaining(),
            "meta": ctx.meta,
        }

    @app.tool
    async def picture() -> list[str | Image]:
        return ["a dot", Image(b"\x89PNG", "image/png")]

    @app.tool
    async def liar() -> Point:
        return {"x": "far"}  # type: ignore[return-value]

    @app.tool
    async def chat(greeting: str, ctx: ToolContext) -> AsyncIterator[str]:
        yield greeting
        async for message in ctx.inputs():
            yield f"you said {message['text']}"

    @app.tool
    async def endless() -> AsyncIterator[str]:
        try:
            while True:
                yield "x" * 100_000
        finally:
            cancelled.set()

    return app


@pytest.fixture
async def stub() -> AsyncIterator[Any]:
    async with stub_of(weather()) as stub:
        yield stub


async def call(stub: Any, tool: str, metadata: Any = (), **arguments: Any) -> tool_pb2.ToolResult:
    request = invoke_pb2.InvokeRequest(tool=tool, arguments=orjson.dumps(arguments))
    response = await stub.Invoke(request, metadata=metadata, timeout=5)
    return response.result


def texts(result: tool_pb2.ToolResult) -> list[str]:
    return [block.text.text for block in result.content]


async def test_a_typed_list_comes_back_wrapped_as_mcp_wants_it(stub: Any) -> None:
    result = await call(stub, "forecast", city="Bern", days=1)
    assert orjson.loads(result.structured_content) == {"result": [{"city": "Bern", "high": 20.5}]}
    assert not result.is_error


async def test_a_wrong_argument_is_a_result_that_names_field_reason_and_expectation(
    stub: Any,
) -> None:
    result = await call(stub, "forecast", city="Bern", dayz=1)
    assert result.is_error
    assert result.error.code == "INVALID_ARGUMENT"
    assert texts(result) == [
        "dayz: the tool has no such argument; did you mean days?. "
        "Expected: city: string, days: integer = 3."
    ]


@pytest.mark.parametrize("payload", [b"{", b"[]", b"1", b"\xff"])
async def test_arguments_that_are_no_object_are_a_result_too(stub: Any, payload: bytes) -> None:
    request = invoke_pb2.InvokeRequest(tool="forecast", arguments=payload)
    result = (await stub.Invoke(request)).result
    assert result.error.code == "INVALID_ARGUMENT"


async def test_a_plain_function_runs_in_a_tool_thread(stub: Any) -> None:
    assert texts(await call(stub, "thread_name"))[0].startswith("mcpmesh-tool")


async def test_a_crash_is_a_sentence_for_the_model_and_a_traceback_for_the_log(
    stub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    result = await call(stub, "bad")
    assert texts(result) == ["KeyError: 'no such thing'"]
    assert result.error.code == "TOOL_ERROR"
    assert "Traceback" in caplog.text


async def test_a_deliberate_failure_keeps_its_words_and_its_pushback(stub: Any) -> None:
    result = await call(stub, "busy")
    assert texts(result) == ["the kitchen is closed; order tomorrow"]
    assert (result.error.retryable, result.error.retry_after_ms) == (True, 1500)


async def test_the_tools_own_timeout_is_a_result(stub: Any) -> None:
    result = await call(stub, "slow")
    assert result.error.code == "DEADLINE_EXCEEDED"
    assert "0.02 s" in texts(result)[0]


async def until_cancelled() -> None:
    # Not `cancelled.wait()`: an event that was waited for stays with that test's loop.
    await eventually(cancelled.is_set)


async def test_the_callers_deadline_is_a_status_and_cancels_the_coroutine(stub: Any) -> None:
    cancelled.clear()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Invoke(invoke_pb2.InvokeRequest(tool="forever"), timeout=0.5)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await until_cancelled()


async def test_cancelling_the_rpc_cancels_the_coroutine(stub: Any) -> None:
    cancelled.clear()
    began.clear()
    rpc = stub.Invoke(invoke_pb2.InvokeRequest(tool="forever"))
    await eventually(began.is_set)
    rpc.cancel()
    await until_cancelled()


@pytest.mark.parametrize("tool", ["count", "count_in_a_thread"])
async def test_a_generator_streams_its_chunks_then_one_result(stub: Any, tool: str) -> None:
    request = invoke_pb2.InvokeRequest(tool=tool, arguments=b'{"to": 40}')
    events = [event async for event in stub.InvokeStream(request)]
    chunks = [event.content.text.text for event in events[:-1]]
    assert [int(chunk.split()[0]) for chunk in chunks] == list(range(40))
    assert len({chunk.partition(" ")[2] for chunk in chunks}) == 1
    assert events[-1].HasField("result")
    assert not events[-1].result.content


async def test_a_unary_call_of_a_generator_collects_the_chunks(stub: Any) -> None:
    assert texts(await call(stub, "count", to=3)) == ["0", "1", "2"]


async def test_an_endless_generator_called_unary_ends_with_advice(stub: Any) -> None:
    result = await call(stub, "endless")
    assert result.error.code == "RESOURCE_EXHAUSTED"
    assert "as a stream" in texts(result)[0]


async def test_progress_log_and_alerts_reach_the_caller_of_a_stream(stub: Any) -> None:
    request = invoke_pb2.InvokeRequest(tool="report")
    progress, log, end = [event async for event in stub.InvokeStream(request)]
    assert (progress.progress.progress, progress.progress.total) == (1, 2)
    assert orjson.loads(log.log.data) == {"rows": 3}
    assert end.result.alerts == ["data is from yesterday"]
    assert orjson.loads(end.result.structured_content) == {"x": 1, "y": 2}


async def test_a_plain_function_reports_progress_from_its_thread(stub: Any) -> None:
    request = invoke_pb2.InvokeRequest(tool="report_in_a_thread", arguments=b'{"rows": 30}')
    events = [event async for event in stub.InvokeStream(request)]
    assert [event.progress.progress for event in events[:-1]] == list(range(30))


async def test_metadata_reaches_the_tool(stub: Any) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    rpc = stub.Invoke(
        invoke_pb2.InvokeRequest(tool="who", meta=b'{"a": 1}'),
        metadata=(
            ("x-correlation-id", "order-7"),
            ("traceparent", f"00-{trace_id}-b7ad6b7169203331-01"),
            ("mcpmesh-caller", "ada"),
        ),
        timeout=3,
    )
    said = orjson.loads((await rpc).result.structured_content)
    remaining = said.pop("remaining")
    assert 0 < remaining <= 3
    assert said == {
        "caller": "ada",
        "correlation_id": "order-7",
        "trace_id": trace_id,
        "meta": {"a": 1},
    }
    # Whoever said it knows it.
    assert "x-correlation-id" not in dict(await rpc.initial_metadata())


async def test_a_missing_correlation_id_is_made(stub: Any) -> None:
    rpc = stub.Invoke(invoke_pb2.InvokeRequest(tool="who"))
    said = orjson.loads((await rpc).result.structured_content)
    assert len(said["correlation_id"]) == 32
    assert dict(await rpc.initial_metadata())["x-correlation-id"] == said["correlation_id"]


async def test_images_and_text_become_blocks_without_structured_content(stub: Any) -> None:
    result = await call(stub, "picture")
    assert result.content[0].text.text == "a dot"
    assert result.content[1].image == tool_pb2.ImageContent(data=b"\x89PNG", mime_type="image/png")
    assert not result.structured_content


async def test_output_that_breaks_its_declaration_is_an_error_result(stub: Any) -> None:
    result = await call(stub, "liar")
    assert result.is_error
    assert "declared output" in texts(result)[0]


async def status_of(rpc: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await rpc
    return caught.value.code(), caught.value.details()


async def test_an_unknown_tool_is_not_found_and_the_nearest_named(stub: Any) -> None:
    code, details = await status_of(stub.Invoke(invoke_pb2.InvokeRequest(tool="forcast")))
    assert code is grpc.StatusCode.NOT_FOUND
    assert "forecast" in details


async def test_a_version_we_do_not_have_is_not_found_and_ours_named(stub: Any) -> None:
    request = invoke_pb2.InvokeRequest(tool="forecast", version="7")
    code, details = await status_of(stub.Invoke(request))
    assert code is grpc.StatusCode.NOT_FOUND
    assert weather().tools[0].version in details


@pytest.mark.parametrize("header", [("mcp-name", "count"), ("mcpmesh-tool-version", "2")])
async def test_metadata_that_disagrees_with_the_message_is_refused(
    stub: Any, header: tuple[str, str]
) -> None:
    request = invoke_pb2.InvokeRequest(tool="forecast", version=weather().tools[0].version)
    code, _ = await status_of(stub.Invoke(request, metadata=(header,)))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_conversation_reads_on_while_the_tool_speaks(stub: Any) -> None:
    talk = stub.Converse()
    first = invoke_pb2.InvokeRequest(tool="chat", arguments=b'{"greeting": "hello"}')
    await talk.write(first)
    assert (await talk.read()).content.text.text == "hello"
    await talk.write(invoke_pb2.InvokeRequest(arguments=b'{"text": "hi"}'))
    assert (await talk.read()).content.text.text == "you said hi"
    await talk.done_writing()
    assert (await talk.read()).HasField("result")
    assert await talk.read() is grpc.aio.EOF


async def test_leaving_a_stream_stops_an_endless_generator(stub: Any) -> None:
    rpc = stub.InvokeStream(invoke_pb2.InvokeRequest(tool="endless"))
    await rpc.read()
    cancelled.clear()
    rpc.cancel()
    await eventually(cancelled.is_set)


async def test_each_call_leaves_one_log_line_with_its_ids(
    stub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "mcpmesh.tool")
    await call(stub, "forecast", (("x-correlation-id", "c-1"),), city="Bern")
    (line,) = [record for record in caplog.records if record.name == "mcpmesh.tool"]
    assert (line.tool, line.correlation_id, line.outcome) == ("forecast", "c-1", "ok")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("tool", "metadata", "lines"),
    [
        ("who", (), []),
        ("who", (("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01"),), ["ok"]),
        ("busy", (), ["TOOL_ERROR"]),
    ],
)
async def test_calls_that_went_well_are_told_when_their_trace_is_sampled(
    stub: Any,
    caplog: pytest.LogCaptureFixture,
    tool: str,
    metadata: tuple[tuple[str, str], ...],
    lines: list[str],
) -> None:
    caplog.set_level(logging.INFO, "mcpmesh.tool")
    await call(stub, tool, metadata)
    assert [record.outcome for record in caplog.records] == lines  # type: ignore[attr-defined]
