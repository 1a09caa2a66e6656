"""Spans and metrics as JSON lines on stderr; stdout belongs to the commands and to stdio MCP."""

from typing import TextIO

import orjson
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, MetricsData
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

_OPTIONS = orjson.OPT_NON_STR_KEYS


def console_spans(stream: TextIO) -> ConsoleSpanExporter:
    """Write one line per span."""
    return ConsoleSpanExporter(out=stream, formatter=span_line)


def console_metrics(stream: TextIO) -> ConsoleMetricExporter:
    """Write one line per export, with all metrics."""
    return ConsoleMetricExporter(out=stream, formatter=metrics_line)


def span_line(span: ReadableSpan) -> str:
    """Write a span as one line of JSON; `span` marks the line among log lines.

    Units: `start` and `end` in Unix nanoseconds.
    """
    context, parent, status = span.get_span_context(), span.parent, span.status
    line: dict[str, object] = {
        "span": span.name,
        "trace_id": f"{context.trace_id:032x}" if context else "",
        "span_id": f"{context.span_id:016x}" if context else "",
        "parent_span_id": f"{parent.span_id:016x}" if parent else "",
        "kind": span.kind.name,
        "start": span.start_time,
        "end": span.end_time,
        "status": status.status_code.name,
        "service": span.resource.attributes.get(SERVICE_NAME, ""),
        "attributes": dict(span.attributes or {}),
    }
    if status.description:
        line["message"] = status.description
    if span.events:
        line["events"] = [_event(event) for event in span.events]
    return orjson.dumps(line, default=str, option=_OPTIONS).decode() + "\n"


def _event(event: Event) -> dict[str, object]:
    attributes = dict(event.attributes or {})
    return {"name": event.name, "time": event.timestamp, "attributes": attributes}


def metrics_line(data: MetricsData) -> str:
    """Write an export as one line of JSON."""
    return data.to_json(indent=None) + "\n"
