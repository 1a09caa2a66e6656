"""Traces and metrics of one process, put together from the standard OTEL_ variables."""

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TextIO

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from mcpmesh.telemetry.exporters import (
    METRICS,
    exporter_names,
    metric_exporters,
    span_exporters,
)
from mcpmesh.telemetry.instruments import Instruments, add_instruments
from mcpmesh.telemetry.metric_export import PeriodicExport
from mcpmesh.telemetry.metrics import Metrics
from mcpmesh.telemetry.prometheus_server import OWN_PAGES, Pages, prometheus_server
from mcpmesh.telemetry.resource import resource_from
from mcpmesh.telemetry.sampling import Decision, sampling_from
from mcpmesh.telemetry.tracing import RandomIds, Recorder, Tracing

_log = logging.getLogger(__name__)
_INTERVAL_MS = 60_000


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a process traces and measures with.

    `prometheus`: HOST:PORT that serves the page for Prometheus; empty when none does.
    """

    tracing: Tracing
    metrics: Metrics
    instruments: Instruments
    prometheus: str = ""
    closers: tuple[Callable[[], None], ...] = ()

    def shutdown(self) -> None:
        """Send what is left, within seconds, and end. Blocks; call it in a thread from a loop."""
        for close in self.closers:
            try:
                close()
            except Exception:
                _log.exception("telemetry did not end cleanly")


def setup(
    service_name: str,
    environ: Mapping[str, str],
    rng: Random,
    *,
    version: str = "",
    stream: TextIO | None = None,
    share: bool = False,
    pages: Pages = OWN_PAGES,
) -> Telemetry:
    """Put traces and metrics together; in every process for itself, so after a fork.

    `share` makes the tracer provider OpenTelemetry's global one, if there is none yet, so that
    spans of libraries that a tool uses are exported with ours.

    Raises: ValueError for an unknown or missing exporter, or a wrong OTLP protocol.
    """
    stream = sys.stderr if stream is None else stream
    tracing = Tracing(rng)
    resource = resource_from(service_name, version, environ, rng)
    metrics = Metrics({str(k): str(v) for k, v in resource.attributes.items()})
    closers: list[Callable[[], None]] = []
    if spans := span_exporters(environ, stream):
        provider = _record(tracing, spans, resource, environ, rng)
        closers.append(provider.shutdown)
        if share:
            trace.set_tracer_provider(provider)
    instruments = add_instruments(metrics)
    for exporter in metric_exporters(environ, stream):
        export = PeriodicExport(metrics, resource, exporter, _interval(environ))
        export.start()
        closers.append(export.shutdown)
    logs = environ.get("OTEL_LOGS_EXPORTER", "").strip()
    if logs not in ("", "none", "console"):
        _log.warning("OTEL_LOGS_EXPORTER: logs go to stderr only, not to %r", logs)
    prometheus = ""
    if "prometheus" in exporter_names(METRICS, environ):
        server = prometheus_server(metrics, environ, pages)
        if server is not None:
            server.start()
            prometheus = server.endpoint
            closers.append(server.shutdown)
    return Telemetry(tracing, metrics, instruments, prometheus, tuple(closers))


def without_exporters(rng: Random) -> Telemetry:
    """Telemetry that passes contexts on and counts, and exports nothing: for tests and clients."""
    metrics = Metrics()
    return Telemetry(Tracing(rng), metrics, add_instruments(metrics))


def _record(
    tracing: Tracing,
    exporters: list[SpanExporter],
    resource: Resource,
    environ: Mapping[str, str],
    rng: Random,
) -> TracerProvider:
    sampling = sampling_from(environ)
    ids = RandomIds(rng)
    provider = TracerProvider(sampling.sampler(), resource, id_generator=ids)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("mcpmesh")
    tracing.record_with(Recorder(tracer, ids, Decision(sampling)))
    return provider


def _interval(environ: Mapping[str, str]) -> float:
    text = environ.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    try:
        interval_ms = float(text or _INTERVAL_MS)
    except ValueError:
        interval_ms = 0.0
    if interval_ms > 0:
        return interval_ms / 1000
    _log.warning("OTEL_METRIC_EXPORT_INTERVAL: %r is no number of ms, using 60000", text)
    return _INTERVAL_MS / 1000
