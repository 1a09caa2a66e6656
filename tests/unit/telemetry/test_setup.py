"""What the standard variables put together."""

import io
import json
import socket
from random import Random
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry import exporters
from mcpmesh.telemetry.prometheus import CONTENT_TYPE, exposition
from mcpmesh.telemetry.setup import setup
from mcpmesh.telemetry.tracing import SERVER

PARENT = TraceContext("ab" * 16, "cd" * 8, True)


def test_without_variables_nothing_is_recorded_and_metrics_still_count():
    telemetry = setup("router", {}, Random(1))
    assert not telemetry.tracing.enabled
    telemetry.instruments.refusals.cell("NOT_FOUND").add()
    assert b"mcpmesh_router_refusals_total" in exposition(telemetry.metrics)
    assert b'service_name="router"' in exposition(telemetry.metrics)
    telemetry.shutdown()


def test_console_writes_one_line_per_span_with_the_service():
    out = io.StringIO()
    environ = {"OTEL_TRACES_EXPORTER": "console", "OTEL_SERVICE_NAME": "my-router"}
    telemetry = setup("router", environ, Random(1), stream=out)
    span = telemetry.tracing.start("call", SERVER, PARENT, "order-7", {"gen_ai.tool.name": "echo"})
    span.event("retry")
    span.end("UNAVAILABLE", "no replica")
    telemetry.tracing.start("call", SERVER, None, "c").end()
    telemetry.shutdown()
    first, second = map(json.loads, out.getvalue().splitlines())
    assert first["span"] == "call"
    assert first["trace_id"] == PARENT.trace_id
    assert first["parent_span_id"] == PARENT.span_id
    assert first["span_id"] == span.trace.span_id
    assert first["kind"] == "SERVER"
    assert (first["status"], first["message"]) == ("ERROR", "no replica")
    assert first["service"] == "my-router"
    assert first["end"] >= first["start"] > 10**18
    assert first["attributes"]["mcpmesh.correlation_id"] == "order-7"
    assert second["parent_span_id"] == ""


def test_console_metrics_are_exported_at_shutdown():
    out = io.StringIO()
    telemetry = setup("router", {"OTEL_METRICS_EXPORTER": "console"}, Random(1), stream=out)
    telemetry.instruments.tool.cell("echo", "").record(0.1)
    telemetry.shutdown()
    (line,) = out.getvalue().splitlines()
    assert "mcpmesh.tool.duration" in line
    json.loads(line)


@pytest.mark.parametrize("disabled", [{"OTEL_SDK_DISABLED": "true"}, {}])
def test_disabled_sdk_and_the_exporter_none_record_nothing(disabled: dict[str, str]):
    chosen = "console" if disabled else "none"
    environ = {"OTEL_TRACES_EXPORTER": chosen, "OTEL_METRICS_EXPORTER": chosen, **disabled}
    telemetry = setup("router", environ, Random(1))
    assert not telemetry.tracing.enabled
    assert telemetry.closers == ()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "jaeger"}, r"'jaeger'; known are none, console, otlp"),
        ({"OTEL_METRICS_EXPORTER": "statsd"}, r"'statsd'; known are none, console, otlp, prom"),
        (
            {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"},
            r"'smoke'; known are grpc, http/protobuf",
        ),
    ],
)
def test_unknown_exporter_is_refused_naming_the_known_ones(environ: dict[str, str], said: str):
    with pytest.raises(ValueError, match=said):
        setup("router", environ, Random(1))


def test_missing_otlp_package_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporters, "entry_points", lambda group: ())
    with pytest.raises(ValueError, match=r"pip install 'mcpmesh\[otlp\]'"):
        setup("router", {"OTEL_TRACES_EXPORTER": "otlp"}, Random(1))


PROMETHEUS = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1"}


def scraped(url: str) -> tuple[bytes, str]:
    with urlopen(url, timeout=5) as answer:
        return answer.read(), answer.headers["content-type"]


def test_prometheus_is_served_until_the_shutdown():
    telemetry = setup("router", {**PROMETHEUS, "OTEL_EXPORTER_PROMETHEUS_PORT": "0"}, Random(1))
    telemetry.instruments.refusals.cell("NOT_FOUND").add(3)
    url = f"http://{telemetry.prometheus}"
    page, content_type = scraped(f"{url}/metrics")
    assert b'mcpmesh_router_refusals_total{rpc_response_status_code="NOT_FOUND"} 3\n' in page
    assert content_type == CONTENT_TYPE
    assert scraped(url)[0] == page
    assert scraped(f"{url}/readyz")[0] == b"ready\n"
    with pytest.raises(HTTPError, match="404"):
        scraped(f"{url}/else")
    telemetry.shutdown()
    with pytest.raises(URLError):
        scraped(url)


def test_a_port_that_is_taken_is_a_warning_that_says_what_to_do(caplog: pytest.LogCaptureFixture):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environ = {**PROMETHEUS, "OTEL_EXPORTER_PROMETHEUS_PORT": port}
        telemetry = setup("router", environ, Random(1))
    assert telemetry.prometheus == ""
    assert telemetry.closers == ()
    assert f"cannot listen on 127.0.0.1:{port}" in caplog.text
    assert "set OTEL_EXPORTER_PROMETHEUS_PORT" in caplog.text


def test_wrong_interval_is_logged_and_the_default_taken(caplog: pytest.LogCaptureFixture):
    environ = {"OTEL_METRICS_EXPORTER": "console", "OTEL_METRIC_EXPORT_INTERVAL": "soon"}
    setup("router", environ, Random(1), stream=io.StringIO()).shutdown()
    assert "'soon' is no number of ms" in caplog.text


def test_log_exporter_that_we_do_not_have_is_said(caplog: pytest.LogCaptureFixture):
    setup("router", {"OTEL_LOGS_EXPORTER": "otlp"}, Random(1))
    assert "logs go to stderr only, not to 'otlp'" in caplog.text


def test_resource_attributes_of_the_environment_overrule_ours():
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=x,team=a%20b,broken", "OTHER": "1"}
    telemetry = setup("router", environ, Random(1), version="1.2")
    assert telemetry.metrics.resource["service.name"] == "x"
    assert telemetry.metrics.resource["team"] == "a b"
    assert telemetry.metrics.resource["service.version"] == "1.2"
