"""One JSON-RPC call through bridge, router and replica: one trace and correlation id in all."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.e2e.commands import TOOLS, Command, command
from tests.eventually import eventually

TELEMETRY = {
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_TRACES_SAMPLER": "always_on",
    "OTEL_BSP_SCHEDULE_DELAY": "20",
}
ANY = "127.0.0.1:0"
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
Answer = tuple[dict[str, str], dict[str, Any]]


def post(url: str, tool: str, headers: dict[str, str], **arguments: Any) -> Answer:
    """Call a tool as curl would; return the answer's headers and its JSON."""
    params = {"name": tool, "arguments": arguments, "_meta": META}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    given = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
        **headers,
    }
    with urlopen(Request(f"{url}/mcp", json.dumps(body).encode(), given), timeout=30) as answer:
        return {key.lower(): value for key, value in answer.headers.items()}, json.load(answer)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trace")


@pytest.fixture(scope="module")
def mesh(folder: Path) -> Iterator[list[Command]]:
    """A bridge, a router and a replica, each a process; the bridge first."""
    with ExitStack() as stack:
        router = stack.enter_context(command(folder, "router", "--grpc", ANY, env=TELEMETRY))
        at = ("--router", router.grpc)
        replica = stack.enter_context(command(folder, "serve", TOOLS, *at, env=TELEMETRY))
        bridge = stack.enter_context(command(folder, "bridge", "--http", ANY, *at, env=TELEMETRY))
        yield [bridge, router, replica]


@pytest.fixture(scope="module")
def whole(folder: Path) -> Iterator[list[Command]]:
    """The same from one command."""
    options = ("--grpc", ANY, "--http", ANY)
    with command(folder, "up", TOOLS, *options, env=TELEMETRY) as up:
        yield [up]


@pytest.fixture(params=["processes", "up"])
def running(request: pytest.FixtureRequest) -> list[Command]:
    fixture = "mesh" if request.param == "processes" else "whole"
    commands: list[Command] = request.getfixturevalue(fixture)
    return commands


def lines_of(commands: list[Command], correlation_id: str) -> list[dict[str, Any]]:
    """Return every span and log line that has this correlation id."""
    return [
        line
        for each in commands
        for line in each.lines()
        if correlation_id
        in (line.get("correlation_id"), line.get("attributes", {}).get("mcpmesh.correlation_id"))
    ]


async def spans_and_logs(
    commands: list[Command], correlation_id: str, spans: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Wait for so many spans; return them in the order they began, and the log lines."""

    def found() -> list[dict[str, Any]]:
        return [line for line in lines_of(commands, correlation_id) if "span" in line]

    def logged() -> list[dict[str, Any]]:
        return [line for line in lines_of(commands, correlation_id) if "span" not in line]

    await eventually(lambda: len(found()) >= spans)
    # Threads of their own write spans and log lines, in no order.
    await eventually(
        lambda: {"mcpmesh.call", "mcpmesh.tool"} <= {each["logger"] for each in logged()}
    )
    return sorted(found(), key=lambda span: span["start"]), logged()


async def test_ids_of_a_call_are_in_every_span_log_line_and_the_answer(
    running: list[Command],
) -> None:
    headers = {"x-correlation-id": "order-66"}
    answered, body = await asyncio.to_thread(post, running[0].url, "seen", headers)
    spans, logs = await spans_and_logs(running, "order-66", 4)
    assert [span["span"] for span in spans] == [
        "tools/call seen",
        "mcpmesh.v1.ToolService/Invoke",
        "mcpmesh.v1.ToolService/Invoke",
        "execute_tool seen",
    ]
    assert [span["kind"] for span in spans] == ["SERVER", "SERVER", "CLIENT", "SERVER"]
    trace_id = spans[0]["trace_id"]
    assert {span["trace_id"] for span in spans} == {trace_id}
    parents = [span["parent_span_id"] for span in spans]
    assert parents == ["", *(span["span_id"] for span in spans[:-1])]
    assert len({span["span_id"] for span in spans}) == 4

    assert {line["logger"] for line in logs} >= {"mcpmesh.call", "mcpmesh.tool", "tests.tools"}
    assert {line["trace_id"] for line in logs} == {trace_id}
    by_logger = {line["logger"]: line for line in logs}
    assert by_logger["tests.tools"]["span_id"] == spans[-1]["span_id"]
    assert by_logger["mcpmesh.tool"]["span_id"] == spans[-1]["span_id"]
    assert by_logger["mcpmesh.call"]["span_id"] == spans[1]["span_id"]

    assert answered["x-correlation-id"] == "order-66"
    assert body["result"]["_meta"]["mcpmesh/correlationId"] == "order-66"
    seen = body["result"]["structuredContent"]
    assert (seen["correlation_id"], seen["trace_id"]) == ("order-66", trace_id)
    assert "mcpmesh.correlation_id=order-66" in seen["metadata"]["baggage"]


@pytest.mark.parametrize("tool", ["seen_in_a_thread", "seen_in_a_stream"])
async def test_log_lines_of_plain_functions_have_the_ids_too(
    running: list[Command], tool: str
) -> None:
    correlation_id = f"{tool}-{len(running)}"
    await asyncio.to_thread(post, running[0].url, tool, {"x-correlation-id": correlation_id})
    spans, logs = await spans_and_logs(running, correlation_id, 4)
    (line,) = [line for line in logs if line["logger"] == "tests.tools"]
    assert (line["trace_id"], line["span_id"]) == (spans[-1]["trace_id"], spans[-1]["span_id"])


async def test_trace_of_the_caller_goes_on(running: list[Command]) -> None:
    headers = {
        "x-correlation-id": f"own-{len(running)}",
        "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
        "tracestate": "vendor=1",
        "baggage": "user=7",
    }
    _, body = await asyncio.to_thread(post, running[0].url, "seen", headers)
    spans, _ = await spans_and_logs(running, f"own-{len(running)}", 4)
    assert {span["trace_id"] for span in spans} == {"ab" * 16}
    assert spans[0]["parent_span_id"] == "cd" * 8
    metadata = body["result"]["structuredContent"]["metadata"]
    assert metadata["tracestate"] == "vendor=1"
    assert "user=7" in metadata["baggage"]


async def test_correlation_id_is_made_when_the_caller_has_none(running: list[Command]) -> None:
    answered, body = await asyncio.to_thread(post, running[0].url, "seen", {})
    made = answered["x-correlation-id"]
    assert body["result"]["_meta"]["mcpmesh/correlationId"] == made
    spans, _ = await spans_and_logs(running, made, 4)
    assert {span["trace_id"] for span in spans} == {made}


async def test_failed_tool_is_one_log_line_of_its_server(running: list[Command]) -> None:
    headers = {"x-correlation-id": f"failed-{len(running)}"}
    _, body = await asyncio.to_thread(post, running[0].url, "fail", headers)
    assert body["result"]["isError"] is True
    spans, logs = await spans_and_logs(running, f"failed-{len(running)}", 4)
    assert [span["attributes"].get("error.type") for span in spans] == [
        "tool_error", None, None, "TOOL_ERROR",
    ]  # fmt: skip
    own = [line for line in logs if line["logger"] == "mcpmesh.tool"]
    assert [(line["level"], line["outcome"]) for line in own] == [("INFO", "TOOL_ERROR")]


async def test_metrics_page_counts_the_calls(running: list[Command]) -> None:
    await asyncio.to_thread(post, running[0].url, "echo", {}, text="x")

    def page() -> str:
        with urlopen(f"{running[0].url}/metrics", timeout=30) as answer:
            text: str = answer.read().decode()
            return text

    text = await asyncio.to_thread(page)
    (line,) = [
        line
        for line in text.splitlines()
        if line.startswith("mcp_server_operation_duration_seconds_count") and 'echo"' in line
    ]
    assert line.endswith(" 1")
    assert ("rpc_server_call_duration_seconds_count" in text) is (len(running) == 1)
