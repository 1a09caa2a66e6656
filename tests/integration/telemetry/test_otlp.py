"""OTLP to a collector: a stock gRPC server and an HTTP server that speak its protocol."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from random import Random
from threading import Thread

import grpc
import pytest

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry.setup import setup
from mcpmesh.telemetry.tracing import SERVER

pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc", reason="needs the extra otlp")

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as trace_grpc

PARENT = TraceContext("ab" * 16, "cd" * 8, True)
BOTH = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp"}
Variables = pytest.MonkeyPatch


class Collector(trace_grpc.TraceServiceServicer, metrics_grpc.MetricsServiceServicer):
    """Keeps what it is sent; `Export` of either service, told apart by the message."""

    def __init__(self) -> None:
        self.traces: list[trace_pb2.ExportTraceServiceRequest] = []
        self.metrics: list[metrics_pb2.ExportMetricsServiceRequest] = []

    def Export(self, request, context):
        if isinstance(request, trace_pb2.ExportTraceServiceRequest):
            self.traces.append(request)
            return trace_pb2.ExportTraceServiceResponse()
        self.metrics.append(request)
        return metrics_pb2.ExportMetricsServiceResponse()


@pytest.fixture
def grpc_collector(monkeypatch: Variables) -> Iterator[Collector]:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_grpc.add_TraceServiceServicer_to_server(collector, server)
    metrics_grpc.add_MetricsServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    yield collector
    server.stop(0)


@pytest.fixture
def http_collector(monkeypatch: Variables) -> Iterator[Collector]:
    collector = Collector()

    class Posted(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                collector.traces.append(trace_pb2.ExportTraceServiceRequest.FromString(body))
            else:
                collector.metrics.append(metrics_pb2.ExportMetricsServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Posted)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield collector
    server.shutdown()
    thread.join()
    server.server_close()


def one_call(environ: dict[str, str]) -> str:
    telemetry = setup("router", {**BOTH, **environ}, Random(1))
    span = telemetry.tracing.start("call", SERVER, PARENT, "order-7", {"mcpmesh.attempt": 2})
    span.end("UNAVAILABLE")
    telemetry.instruments.rpc_server.cell("m", "echo", "OK").record(0.002)
    telemetry.shutdown()
    return span.trace.span_id


def check(collector: Collector, span_id: str) -> None:
    (resource_spans,) = collector.traces[0].resource_spans
    resource = {pair.key: pair.value.string_value for pair in resource_spans.resource.attributes}
    assert resource["service.name"] == "router"
    (span,) = resource_spans.scope_spans[0].spans
    assert span.trace_id.hex() == PARENT.trace_id
    assert span.parent_span_id.hex() == PARENT.span_id
    assert span.span_id.hex() == span_id
    attributes = {pair.key: pair.value for pair in span.attributes}
    assert attributes["mcpmesh.correlation_id"].string_value == "order-7"
    assert attributes["mcpmesh.attempt"].int_value == 2
    (metric,) = collector.metrics[-1].resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.unit) == ("rpc.server.call.duration", "s")
    (point,) = metric.histogram.data_points
    assert (point.count, sum(point.bucket_counts), point.max) == (1, 1, 0.002)
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1


def test_spans_and_metrics_reach_a_grpc_collector(grpc_collector: Collector):
    check(grpc_collector, one_call({}))


def test_spans_and_metrics_reach_an_http_collector(http_collector: Collector):
    check(http_collector, one_call({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}))
