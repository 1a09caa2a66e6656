"""Which exporters are used, by the standard variables.

Exporters of other packages, OTLP among them, are found through the entry points that OpenTelemetry
defines for it, so nothing of them is imported unless it is asked for. They read their own
variables (OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _CERTIFICATE, ...) from the process's environment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TextIO, cast

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace.export import SpanExporter

from mcpmesh.telemetry.console import console_metrics, console_spans

OTLP_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_INSTALL_OTLP = "OTLP needs an extra: pip install 'mcpmesh[otlp]'"


@dataclass(frozen=True, slots=True)
class Signal:
    """One of traces and metrics: its variables, its entry points, what is built in."""

    variable: str
    protocol_variable: str
    group: str
    built_in: tuple[str, ...]


TRACES = Signal(
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "opentelemetry_traces_exporter",
    ("none", "console", "otlp"),
)
METRICS = Signal(
    "OTEL_METRICS_EXPORTER",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "opentelemetry_metrics_exporter",
    ("none", "console", "otlp", "prometheus"),
)


def span_exporters(environ: Mapping[str, str], stream: TextIO) -> list[SpanExporter]:
    """Make the exporters of OTEL_TRACES_EXPORTER: none, console, otlp, or an installed one.

    Raises: ValueError for an unknown or missing exporter, with the known ones.
    """
    return [
        console_spans(stream) if name == "console" else cast("SpanExporter", _load(TRACES, name)())
        for name in exporter_names(TRACES, environ)
    ]


def metric_exporters(environ: Mapping[str, str], stream: TextIO) -> list[MetricExporter]:
    """Make the exporters of OTEL_METRICS_EXPORTER; `prometheus` is served, not exported.

    Raises: ValueError for an unknown or missing exporter, with the known ones.
    """
    return [
        console_metrics(stream)
        if name == "console"
        else cast("MetricExporter", _load(METRICS, name)())
        for name in exporter_names(METRICS, environ)
        if name != "prometheus"
    ]


def exporter_names(signal: Signal, environ: Mapping[str, str]) -> list[str]:
    """Read the signal's variable: names, comma separated, with OTLP resolved to its protocol."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    listed = [name.strip() for name in environ.get(signal.variable, "").split(",")]
    names = list(dict.fromkeys(name for name in listed if name and name != "none"))
    return [_otlp(signal, environ) if name == "otlp" else name for name in names]


def _otlp(signal: Signal, environ: Mapping[str, str]) -> str:
    variable = signal.protocol_variable
    protocol = environ.get(variable, "").strip()
    if not protocol:
        variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
        protocol = environ.get(variable, "").strip() or "grpc"
    if protocol not in OTLP_PROTOCOLS:
        raise ValueError(f"{variable}: unknown {protocol!r}; known are {', '.join(OTLP_PROTOCOLS)}")
    return OTLP_PROTOCOLS[protocol]


def _load(signal: Signal, name: str) -> Callable[[], object]:
    installed = {point.name: point for point in entry_points(group=signal.group)}
    if name not in installed:
        if name in OTLP_PROTOCOLS.values():
            raise ValueError(f"{signal.variable}: {_INSTALL_OTLP}")
        others = sorted(set(installed) - {"console"} - set(OTLP_PROTOCOLS.values()))
        known = ", ".join([*signal.built_in, *others])
        raise ValueError(f"{signal.variable}: unknown exporter {name!r}; known are {known}")
    return _loaded(signal, installed[name])


def _loaded(signal: Signal, point: EntryPoint) -> Callable[[], object]:
    try:
        return cast("Callable[[], object]", point.load())
    except ImportError as exc:
        raise ValueError(f"{signal.variable}: {point.name} cannot be loaded: {exc}") from exc
