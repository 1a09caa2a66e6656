"""What telemetry costs per call, beside the OpenTelemetry SDK doing the same, in one run.

python benchmarks/telemetry.py
"""

from collections.abc import Callable
from random import Random
from timeit import repeat

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry.attributes import INVOKE
from mcpmesh.telemetry.bridge_observer import BridgeTelemetry
from mcpmesh.telemetry.sampling import Decision, Sampling
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.telemetry.tracing import SERVER, RandomIds, Recorder, Tracing

UNSAMPLED = TraceContext("ab" * 16, "cd" * 8)
SAMPLED = TraceContext("ab" * 16, "cd" * 8, True)
ATTRIBUTES = {"rpc.method": INVOKE, "gen_ai.tool.name": "echo", "rpc.response.status_code": "OK"}


def show(name: str, action: Callable[[], object], number: int = 50_000) -> None:
    best = min(repeat(action, number=number, repeat=5)) / number
    print(f"{name:<52} {best * 1e6:6.2f} µs")


def sdk() -> None:
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("benchmark")
    histogram = meter.create_histogram("h", explicit_bucket_boundaries_advisory=[0.01, 0.1, 1.0])
    tracer = TracerProvider(ALWAYS_OFF).get_tracer("benchmark")
    show("SDK: histogram record", lambda: histogram.record(0.02, ATTRIBUTES))
    show("SDK: unsampled span", lambda: tracer.start_span("x", attributes=ATTRIBUTES).end())


def recording(sampling: Sampling) -> Tracing:
    rng = Random(1)
    ids = RandomIds(rng)
    provider = TracerProvider(sampling.sampler(), id_generator=ids)
    kept = InMemorySpanExporter()
    kept.shutdown()  # takes spans and keeps none
    provider.add_span_processor(BatchSpanProcessor(kept))
    tracing = Tracing(rng)
    tracing.record_with(Recorder(provider.get_tracer("benchmark"), ids, Decision(sampling)))
    return tracing


def ours() -> None:
    telemetry = without_exporters(Random(1))
    durations = telemetry.instruments.rpc_server
    cell = durations.cell(INVOKE, "echo", "OK")
    show("cell.record", lambda: cell.record(0.0012))
    show("cell lookup and record", lambda: durations.cell(INVOKE, "echo", "OK").record(0.0012))
    one_percent = recording(Sampling(ratio=0.01))

    def call(tracing: Tracing, parent: TraceContext | None) -> None:
        span = tracing.start("call", SERVER, parent, "c", ATTRIBUTES)
        span.end()
        durations.cell(INVOKE, "echo", "OK").record(0.0012)

    show("call, no exporter, with parent", lambda: call(telemetry.tracing, UNSAMPLED))
    show("call, no exporter, new trace", lambda: call(telemetry.tracing, None))
    show("call, 1 % sampler, unsampled parent", lambda: call(one_percent, UNSAMPLED))
    show("call, 1 % sampler, new trace, mean", lambda: call(one_percent, None))
    show("call, sampled", lambda: call(one_percent, SAMPLED), 5_000)
    bridge = BridgeTelemetry(telemetry)
    known = {"version": "2026-07-28", "request_id": 7, "transport": "http"}
    show(
        "bridge request, unsampled",
        lambda: bridge.start("tools/call", "echo", UNSAMPLED, "c", **known).end(None),
    )


if __name__ == "__main__":
    sdk()
    ours()
