"""The observers of bridge and tool server: spans, durations and log lines of one call."""

import io
import json
import logging
from dataclasses import dataclass, replace
from random import Random

import pytest
from opentelemetry.trace import get_current_span

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry.bridge_observer import BridgeTelemetry
from mcpmesh.telemetry.current import current_call
from mcpmesh.telemetry.log import setup_logging
from mcpmesh.telemetry.metrics import HistogramPoint
from mcpmesh.telemetry.setup import Telemetry, setup
from mcpmesh.telemetry.tool_observer import ToolTelemetry

PARENT = TraceContext("ab" * 16, "cd" * 8, True)


@dataclass(frozen=True)
class Origin:
    parent: TraceContext | None = PARENT
    correlation_id: str = "order-7"
    caller: str = "alice"


@dataclass(frozen=True)
class Execution:
    tool: str = "forecast"
    version: str = "2"
    method: str = "InvokeStream"
    incoming: Origin = Origin()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 0.25
        return self.now


def console() -> tuple[Telemetry, io.StringIO]:
    out = io.StringIO()
    return setup("test", {"OTEL_TRACES_EXPORTER": "console"}, Random(1), stream=out), out


def spans(telemetry: Telemetry, out: io.StringIO) -> list[dict[str, object]]:
    telemetry.shutdown()
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_tools_run_is_a_span_and_a_duration():
    telemetry, out = console()
    with ToolTelemetry(telemetry, Clock()).call(Execution()) as observation:
        current = current_call.get()
        assert current is not None
        assert observation.trace == current.trace
        assert f"{get_current_span().get_span_context().span_id:016x}" == current.trace.span_id
        observation.ended("ok")
    assert current_call.get() is None
    (span,) = spans(telemetry, out)
    assert span["span"] == "execute_tool forecast"
    assert span["parent_span_id"] == PARENT.span_id
    assert span["attributes"] == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "forecast",
        "rpc.system.name": "grpc",
        "rpc.method": "mcpmesh.v1.ToolService/InvokeStream",
        "mcpmesh.tool.version": "2",
        "mcpmesh.correlation_id": "order-7",
        "mcpmesh.caller": "alice",
    }
    (point,) = telemetry.instruments.tool.points()
    assert (point.attributes, point.total) == ({"gen_ai.tool.name": "forecast"}, 0.25)


def fail(telemetry: Telemetry, told: str) -> None:
    with ToolTelemetry(telemetry).call(Execution()) as observation:
        if told:
            observation.ended(told)
        raise ZeroDivisionError


@pytest.mark.parametrize(("told", "error_type"), [("tool_error", "tool_error"), ("", "unknown")])
def test_failed_run_ends_with_its_outcome_even_when_nobody_told(told: str, error_type: str):
    telemetry, out = console()
    with pytest.raises(ZeroDivisionError):
        fail(telemetry, told)
    (span,) = spans(telemetry, out)
    assert span["status"] == "ERROR"
    assert isinstance(span["attributes"], dict)
    assert span["attributes"]["error.type"] == error_type
    (point,) = telemetry.instruments.tool.points()
    assert point.attributes["error.type"] == error_type


def test_log_lines_of_a_tool_have_the_ids_of_its_span():
    telemetry, out = console()
    lines = io.StringIO()
    undo = setup_logging("json", "info", lines)
    with ToolTelemetry(telemetry).call(Execution()) as observation:
        logging.getLogger("weather").info("looking")
        observation.ended("tool_error")
    undo()
    (span,) = spans(telemetry, out)
    (line,) = map(json.loads, lines.getvalue().splitlines())
    assert line["trace_id"] == span["trace_id"]
    assert line["span_id"] == span["span_id"]
    assert line["correlation_id"] == "order-7"


def test_call_without_a_parent_begins_a_trace():
    telemetry, out = console()
    call = replace(Execution(), incoming=Origin(parent=None, correlation_id=""))
    with ToolTelemetry(telemetry).call(call) as observation:
        observation.ended("ok")
    (span,) = spans(telemetry, out)
    assert span["parent_span_id"] == ""
    assert span["trace_id"] == observation.trace.trace_id


def observe(
    telemetry: Telemetry, method: str, tool: str, error_type: str | None, transport: str = "http"
) -> HistogramPoint:
    observation = BridgeTelemetry(telemetry, Clock()).start(
        method, tool, PARENT, "order-7", version="2026-07-28", request_id=7, transport=transport
    )
    assert observation.correlation_id == "order-7"
    # Requests share the context of the event loop's callbacks: none is current.
    assert current_call.get() is None
    observation.end(error_type)
    assert current_call.get() is None
    return telemetry.instruments.mcp_server.points()[-1]


def test_tools_call_is_a_span_with_the_names_of_the_mcp_conventions():
    telemetry, out = console()
    point = observe(telemetry, "tools/call", "forecast", "tool_error")
    (span,) = spans(telemetry, out)
    assert (span["span"], span["kind"]) == ("tools/call forecast", "SERVER")
    assert span["attributes"] == {
        "mcp.method.name": "tools/call",
        "network.transport": "tcp",
        "network.protocol.name": "http",
        "mcp.protocol.version": "2026-07-28",
        "jsonrpc.request.id": "7",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "forecast",
        "mcpmesh.correlation_id": "order-7",
        "error.type": "tool_error",
    }
    assert point.total == 0.25
    assert point.attributes == {
        "mcp.method.name": "tools/call",
        "gen_ai.tool.name": "forecast",
        "error.type": "tool_error",
        "mcp.protocol.version": "2026-07-28",
        "network.transport": "tcp",
    }


def test_other_methods_have_no_tool_and_stdio_is_a_pipe():
    telemetry, out = console()
    point = observe(telemetry, "tools/list", "", None, transport="stdio")
    (span,) = spans(telemetry, out)
    assert span["span"] == "tools/list"
    assert point.attributes["network.transport"] == "pipe"
    assert "gen_ai.tool.name" not in point.attributes


def test_names_that_a_caller_made_up_do_not_become_label_values():
    telemetry = setup("test", {}, Random(1))
    unknown_method = observe(telemetry, "evil/1", "", "-32601")
    assert unknown_method.attributes["mcp.method.name"] == "_OTHER"
    unknown_tool = observe(telemetry, "tools/call", "evil-tool", "-32602")
    assert unknown_tool.attributes["mcp.method.name"] == "tools/call"
    assert "gen_ai.tool.name" not in unknown_tool.attributes
