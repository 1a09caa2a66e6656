"""Cells, the registry, the page for Prometheus, and the SDK's data model."""

import re
from random import Random

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    Histogram as HistogramData,
)
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    Sum,
)
from opentelemetry.sdk.resources import Resource

from mcpmesh.telemetry.instruments import INSTRUMENTS, Instruments, add_instruments
from mcpmesh.telemetry.metric_export import PeriodicExport, metrics_data
from mcpmesh.telemetry.metrics import Counter, Description, Gauge, Histogram, Metrics
from mcpmesh.telemetry.prometheus import exposition

DURATION = Description("a.call.duration", "s", "How long", ("tool", "error.type"), {"sys": "grpc"})
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def parse(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for line in page.decode().splitlines():
        if line.startswith("# "):
            continue
        match = SAMPLE.fullmatch(line)
        assert match is not None, line
        labels = frozenset(LABEL.findall(match[2] or ""))
        assert (match[1], labels) not in samples
        samples[match[1], labels] = float(match[3])
    return samples


def registry(*instruments: Histogram | Counter | Gauge) -> Metrics:
    metrics = Metrics()
    for instrument in instruments:
        metrics.add(instrument)
    return metrics


def test_value_on_a_bound_falls_into_the_bucket_below_as_in_the_sdk():
    ours = Histogram(DURATION, (0.1, 1.0))
    reader = InMemoryMetricReader()
    theirs = (
        MeterProvider([reader])
        .get_meter("t")
        .create_histogram("h", explicit_bucket_boundaries_advisory=[0.1, 1.0])
    )
    for value in (0.05, 0.1, 0.5, 1.0, 3.0):
        ours.cell("echo", "").record(value)
        theirs.record(value)
    data = reader.get_metrics_data()
    assert data is not None
    expected = data.resource_metrics[0].scope_metrics[0].metrics[0].data
    assert isinstance(expected, HistogramData)
    (theirs_point,) = expected.data_points
    (point,) = ours.points()
    assert point.counts == tuple(theirs_point.bucket_counts) == (2, 2, 1)
    assert (point.minimum, point.maximum) == (theirs_point.min, theirs_point.max)
    assert point.total == theirs_point.sum


def test_cells_beyond_the_limit_share_one():
    histogram = Histogram(DURATION, (1.0,), max_cells=3)
    for i in range(10):
        histogram.cell(f"tool{i}", "").record(0.5)
    *own, other = histogram.points()
    assert [point.attributes["tool"] for point in own] == ["tool0", "tool1", "tool2"]
    assert other.attributes == {"otel.metric.overflow": True}
    assert sum(other.counts) == 7


def test_forgotten_label_values_make_room():
    counter = Counter(Description("c", "1", "", ("tool", "host", "port")), max_cells=3)
    for labels in (("echo", "h", 1), ("sum", "h", 1), ("echo", "h", 2)):
        counter.cell(*labels).add()
    counter.forget({"host": "h", "port": 1})
    counter.cell("echo", "i", 1).add(2)
    left = [(p.attributes["host"], p.attributes["port"], p.value) for p in counter.points()]
    assert left == [("h", 2, 1), ("i", 1, 2)]


def test_wrong_number_of_label_values_is_refused():
    with pytest.raises(ValueError, match="2 label values are needed, not 1"):
        Histogram(DURATION, (1.0,)).cell("echo")


@pytest.mark.parametrize("bounds", [(), (2.0, 1.0), (1.0, 1.0)])
def test_bounds_that_do_not_rise_are_refused(bounds: tuple[float, ...]):
    with pytest.raises(ValueError, match="have to rise"):
        Histogram(DURATION, bounds)


def test_name_is_given_once():
    metrics = registry(Histogram(DURATION, (1.0,)))
    with pytest.raises(ValueError, match=r"named a\.call\.duration"):
        metrics.add(Counter(DURATION))


def test_page_has_cumulative_buckets_sum_and_count():
    histogram = Histogram(DURATION, (0.005, 1.0))
    for value in (0.001, 0.5, 0.5, 9.0):
        histogram.cell("echo", "tool_error").record(value)
    samples = parse(exposition(registry(histogram)))
    base = {("sys", "grpc"), ("tool", "echo"), ("error_type", "tool_error")}
    name = "a_call_duration_seconds"
    buckets = {
        le: samples[f"{name}_bucket", frozenset({*base, ("le", le)})]
        for le in ("0.005", "1.0", "+Inf")
    }
    assert buckets == {"0.005": 1, "1.0": 3, "+Inf": 4}
    assert samples[f"{name}_sum", frozenset(base)] == pytest.approx(10.001)
    assert samples[f"{name}_count", frozenset(base)] == 4


def test_page_leaves_out_absent_labels_and_escapes_the_others():
    counter = Counter(Description("x.calls", "{call}", 'a "b"\nc\\', ("tool", "why")))
    counter.cell('q"uo\\te\n', "").add(3)
    page = exposition(registry(counter))
    assert b'# HELP x_calls_total a "b"\\nc\\\\\n# TYPE x_calls_total counter\n' in page
    assert page.endswith(b'x_calls_total{tool="q\\"uo\\\\te\\n"} 3\n')
    assert len(parse(page)) == 1


def test_gauge_is_asked_when_somebody_looks_and_its_failure_hides_only_itself():
    good, bad = Gauge(Description("good", "1", "")), Gauge(Description("bad", "1", ""))
    good.observe(lambda: {(): 0.5})
    bad.observe(lambda: {(): 1 // 0})
    assert parse(exposition(registry(bad, good))) == {("good_ratio", frozenset()): 0.5}


def test_page_names_the_process():
    assert b'target_info{service_name="router"} 1\n' in exposition(
        Metrics({"service.name": "router"})
    )


def test_table_of_instruments_is_what_is_registered():
    metrics = Metrics()
    made = add_instruments(metrics)
    assert [i.about for i in metrics] == list(INSTRUMENTS)
    assert len(Instruments.__dataclass_fields__) == len(INSTRUMENTS)
    assert all(about.unit and about.text for about in INSTRUMENTS)
    assert made.mcp_server.bounds[0] == 0.01
    assert made.mcp_server.bounds[-1] == 300.0


class KeptMetrics(MetricExporter):
    def __init__(self, fails: int = 0) -> None:
        super().__init__()
        self.seen: list[MetricsData] = []
        self.fails = fails
        self.ended = False

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 0, **kwargs: object
    ) -> MetricExportResult:
        if self.fails:
            self.fails -= 1
            raise OSError("no collector")
        self.seen.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **kwargs: object) -> None:
        self.ended = True


def test_snapshot_is_the_sdks_cumulative_data_without_empty_instruments():
    metrics = Metrics()
    made = add_instruments(metrics)
    made.rpc_server.cell("m", "echo", "OK").record(0.002)
    made.retries.cell("echo", "UNAVAILABLE").add(2)
    data = metrics_data(metrics, Resource({"service.name": "router"}))
    listed = {m.name: m for m in data.resource_metrics[0].scope_metrics[0].metrics}
    assert set(listed) == {"rpc.server.call.duration", "mcpmesh.router.retries"}
    duration, retries = listed["rpc.server.call.duration"].data, listed["mcpmesh.router.retries"]
    assert isinstance(duration, HistogramData)
    (point,) = duration.data_points
    assert dict(point.attributes or {}) == {
        "rpc.system.name": "grpc",
        "rpc.method": "m",
        "gen_ai.tool.name": "echo",
        "rpc.response.status_code": "OK",
    }
    assert (point.count, sum(point.bucket_counts), point.max) == (1, 1, 0.002)
    assert isinstance(retries.data, Sum)
    assert retries.data.is_monotonic
    assert retries.data.data_points[0].value == 2


def test_last_snapshot_is_exported_at_the_end_though_an_earlier_one_failed():
    metrics = Metrics()
    counter = Counter(Description("c", "1", ""))
    metrics.add(counter)
    counter.cell().add(Random(1).randint(1, 9))
    exporter = KeptMetrics(fails=1)
    export = PeriodicExport(metrics, Resource({}), exporter, interval=3600)
    export.export_now()
    export.start()
    export.shutdown()
    assert len(exporter.seen) == 1
    assert exporter.ended
