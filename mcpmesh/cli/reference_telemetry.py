"""The references of metrics, spans and log fields, made of telemetry's own tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mcpmesh.cli.table import code, codes, markdown_table
from mcpmesh.telemetry import attributes as a
from mcpmesh.telemetry import instruments as i
from mcpmesh.telemetry.log_line import LOG_FIELDS
from mcpmesh.telemetry.metrics import Metrics
from mcpmesh.telemetry.prometheus import prometheus_name

#: Which process measures what.
_WHERE = {
    i.RPC_SERVER.name: "router",
    i.RPC_CLIENT.name: "router",
    i.MCP_SERVER.name: "bridge",
    i.MCP_CLIENT.name: "nobody yet",
    i.TOOL.name: "tool server",
    i.IN_FLIGHT.name: "router",
    i.REPLICAS.name: "router",
    i.RETRIES.name: "router",
    i.NOT_RETRIED.name: "router",
    i.HEDGES.name: "router",
    i.FALLBACKS.name: "router",
    i.CACHED_ANSWERS.name: "router",
    i.SHED.name: "router",
    i.REFUSALS.name: "router",
    i.EJECTIONS.name: "router",
    i.HEALTH.name: "router",
    i.PEER_REFUSALS.name: "router, tool server, bridge",
}
_METRICS = """\
# Metrics

Written by `make docs` from the instruments themselves.

`mcpmesh up` and `mcpmesh bridge` serve their metrics in Prometheus' text format at `/metrics` of
the HTTP address, `http://127.0.0.1:7080/metrics` by default; `up` is router and bridge in one.
Every process, a router or tool server alone too, sends or serves them as the standard variables
say:

| variable | value |
|---|---|
| `OTEL_METRICS_EXPORTER` | `none` (default), `otlp`, `prometheus`, `console`, or `otlp,console` |
| `OTEL_METRIC_EXPORT_INTERVAL` | milliseconds between two exports, 60000 by default |
| `OTEL_EXPORTER_OTLP_ENDPOINT` | where OTLP goes, such as `http://localhost:4317` |
| `OTEL_EXPORTER_OTLP_PROTOCOL` | `grpc` (the default) or `http/protobuf` |
| `OTEL_EXPORTER_PROMETHEUS_HOST` | where `prometheus` serves `/metrics`, `localhost` by default |
| `OTEL_EXPORTER_PROMETHEUS_PORT` | its port, 9464 by default, 0 for a free one that the log names |
| `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME` | what the process calls itself |
| `OTEL_SDK_DISABLED` | `true` exports nothing, whatever the others say |

With `prometheus` every process needs a port of its own: replicas on one host can't share 9464. One
that finds the port taken warns and goes on without; give it 0, or use `otlp`. The same port has
`/readyz`: 200 when the process is ready, 503 with what is missing when not: a router is not while
it starts and while it drains.

`mcpmesh router --workers N` is one target: its port serves the sum over all workers, those that
ended included, so that counters never fall; gauges are the sum over those that run (a replica
counts once for each worker that is connected to it). Its `/readyz` says 503 while a worker starts
again. With `otlp` every worker sends its own, under a `service.instance.id` of its own.

OTLP is an extra: `pip install 'mcpmesh[otlp]'`. In Prometheus' names and labels a dot is an
underscore. Labels whose value anybody could make up, such as the name of a tool that there is not,
stay empty.
"""


@dataclass(frozen=True, slots=True)
class SpanKind:
    """A kind of span; `attributes` are those it starts with, `ends` those it ends with."""

    name: str
    kind: str
    process: str
    attributes: Iterable[str]
    ends: Sequence[str] = ()


_METHOD = a.INVOKE
SPANS = (
    SpanKind(
        "`{MCP method} {tool}`",
        "SERVER",
        "bridge: one MCP request",
        a.request_attributes("tools/call", "t", "v", 1, "tcp")(),
    ),
    SpanKind(
        "`{gRPC method}`",
        "SERVER",
        "router: one call, all attempts",
        a.call_attributes(_METHOD, "t", "v")(),
        (a.RPC_STATUS, a.REPLICA),
    ),
    SpanKind(
        "`{gRPC method}`",
        "CLIENT",
        "router: one attempt",
        a.attempt_attributes(_METHOD, "t", "r", "127.0.0.1", 1, 1)(),
        (a.RPC_STATUS, a.HEDGE),
    ),
    SpanKind(
        "`execute_tool {tool}`",
        "SERVER",
        "tool server: the tool's own code",
        a.execution_attributes("t", _METHOD, "v")(),
        (a.CALLER,),
    ),
)
_TRACES = f"""\
# Traces

Written by `make docs` from the attributes themselves.

W3C trace context (`traceparent`, `tracestate`, `baggage`) is taken from the caller and passed on
at every hop: as gRPC metadata, as HTTP headers, and in MCP's `_meta`, where the header wins when
both are there. Where the caller sends none, the first hop begins a trace.

| variable | value |
|---|---|
| `OTEL_TRACES_EXPORTER` | `none` (the default), `otlp`, `console` (JSON lines on stderr), or both |
| `OTEL_TRACES_SAMPLER` | `parentbased_always_on` (the default), `parentbased_traceidratio`, … |
| `OTEL_TRACES_SAMPLER_ARG` | the ratio, such as `0.01` |
| `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_PROTOCOL` | as for [metrics](metrics.md) |

What a tool calls in turn belongs to its span: spans of libraries that use OpenTelemetry's global
tracer provider are exported with ours, and a `mcpmesh.Client` inside a tool passes the trace and
the correlation id on by itself.

The **correlation id** is one word of the caller's: `x-correlation-id` as gRPC metadata or HTTP
header, 1 to 128 visible ASCII characters. When it is absent, the first hop makes one.
It comes back in the answer's metadata or header, and in `_meta` as `mcpmesh/correlationId`; it is
the attribute `{a.CORRELATION_ID}` of every span and the field `correlation_id` of every log line.
"""
_LOGS = """\
# Logs

Written by `make docs` from the fields themselves.

Every process writes its log to stderr: one JSON object a line, or columns on a terminal
(`--log-format`, `--log-level`). Tools may use `logging` as they like; while a call runs, its ids
are on their lines too, and fields given with `extra=` stand beside ours. `--call-log` of the router
says which calls get a line of logger `mcpmesh.call`: failures and sampled traces by default. Tool
servers write one line for each call, logger `mcpmesh.tool`. Arguments and results are never in our
own lines; the text of a tool's exception is.

A field that has nothing to say is left out.
"""


def metrics_page() -> str:
    """Write the reference of metrics."""
    metrics = Metrics()
    i.add_instruments(metrics)
    rows = [
        (
            code(each.about.name),
            code(prometheus_name(each)),
            type(each).__name__.lower(),
            code(each.about.unit),
            codes([*each.about.labels, *each.about.constant]),
            _WHERE[each.about.name],
            each.about.text,
        )
        for each in metrics
    ]
    columns = ("metric", "in Prometheus", "type", "unit", "labels", "process", "meaning")
    return "\n".join([_METRICS, markdown_table(columns, rows)])


def traces_page() -> str:
    """Write the reference of spans and their attributes."""
    spans = [
        (each.name, each.kind, each.process, codes([*each.attributes, *each.ends]))
        for each in SPANS
    ]
    used = {key for each in SPANS for key in (*each.attributes, *each.ends)}
    used |= {a.CORRELATION_ID, a.ERROR_TYPE}
    meanings = [(code(key), text) for key, text in a.ATTRIBUTES.items() if key in used]
    return "\n".join(
        [
            _TRACES,
            "## Spans\n",
            markdown_table(("span", "kind", "who writes it", "attributes"), spans),
            f"\nEvery span has `{a.CORRELATION_ID}` too, and one that failed `{a.ERROR_TYPE}`.\n",
            "## Attributes\n",
            markdown_table(("attribute", "meaning"), meanings),
        ]
    )


def logs_page() -> str:
    """Write the reference of log fields."""
    rows = [(code(name), meaning) for name, meaning in LOG_FIELDS.items()]
    return "\n".join([_LOGS, markdown_table(("field", "meaning"), rows)])
