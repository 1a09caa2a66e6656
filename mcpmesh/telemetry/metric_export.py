"""Cells to the SDK's metrics data, and a thread that hands it to a standard exporter."""

import logging
from collections.abc import Sequence
from threading import Event, Thread
from time import time_ns
from typing import cast

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    DataT,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Gauge as GaugeData
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.util.types import AttributeValue

from mcpmesh.telemetry.metrics import (
    Attributes,
    Counter,
    Gauge,
    Histogram,
    HistogramPoint,
    Instrument,
    Metrics,
    NumberPoint,
)

_log = logging.getLogger(__name__)
_SCOPE = InstrumentationScope("mcpmesh")
_CUMULATIVE = AggregationTemporality.CUMULATIVE


def metrics_data(metrics: Metrics, resource: Resource) -> MetricsData:
    """Take a snapshot of all instruments as the SDK's cumulative metrics data."""
    started, now = metrics.start_unix_nano, time_ns()
    listed = [_metric(instrument, started, now) for instrument in metrics]
    scope = ScopeMetrics(_SCOPE, [m for m in listed if m.data.data_points], "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(instrument: Instrument, started: int, now: int) -> Metric:
    about = instrument.about
    return Metric(about.name, about.text, about.unit, _data(instrument, started, now))


def _data(instrument: Instrument, started: int, now: int) -> DataT:
    match instrument:
        case Histogram():
            points = [_spread(p, instrument.bounds, started, now) for p in instrument.points()]
            return HistogramData(points, _CUMULATIVE)
        case Counter():
            return Sum([_number(p, started, now) for p in instrument.points()], _CUMULATIVE, True)
        case Gauge():
            return GaugeData([_number(p, started, now) for p in instrument.points()])


def _number(point: NumberPoint, started: int, now: int) -> NumberDataPoint:
    return NumberDataPoint(_otel(point.attributes), started, now, point.value)


def _spread(
    point: HistogramPoint, bounds: Sequence[float], started: int, now: int
) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=_otel(point.attributes),
        start_time_unix_nano=started,
        time_unix_nano=now,
        count=sum(point.counts),
        sum=point.total,
        bucket_counts=point.counts,
        explicit_bounds=bounds,
        min=point.minimum,
        max=point.maximum,
    )


def _otel(attributes: Attributes) -> dict[str, AttributeValue]:
    return cast("dict[str, AttributeValue]", dict(attributes))


class PeriodicExport:
    """Gives a snapshot to an exporter each interval, in a thread, and once more at the end.

    A thread and not a task: exporters block. One that fails is logged and asked again next time.
    """

    def __init__(
        self, metrics: Metrics, resource: Resource, exporter: MetricExporter, interval: float
    ) -> None:
        self._metrics = metrics
        self._resource = resource
        self._exporter = exporter
        self._interval = interval
        self._ending = Event()
        self._thread = Thread(target=self._run, name="mcpmesh-metrics", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def shutdown(self, timeout: float = 5.0) -> None:
        """Export what is left and end, within the timeout."""
        self._ending.set()
        self._thread.join(timeout)

    def export_now(self) -> None:
        """Export a snapshot; errors of the exporter are logged."""
        try:
            self._exporter.export(metrics_data(self._metrics, self._resource))
        except Exception:
            _log.exception("metrics could not be exported")

    def _run(self) -> None:
        while not self._ending.wait(self._interval):
            self.export_now()
        self.export_now()
        self._exporter.shutdown()
