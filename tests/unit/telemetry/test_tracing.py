"""Spans: what is recorded, what is passed on, and under which ids."""

from random import Random

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from mcpmesh.model.trace import TraceContext, parse_traceparent
from mcpmesh.telemetry.sampling import Decision, Sampling, sampling_from
from mcpmesh.telemetry.tracing import CLIENT, SERVER, RandomIds, Recorder, Tracing

PARENT = TraceContext("ab" * 16, "cd" * 8, True, "vendor=1")
UNSAMPLED = TraceContext("ab" * 16, "cd" * 8, False)


def recording(sampling: Sampling) -> tuple[Tracing, InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    rng = Random(1)
    ids = RandomIds(rng)
    provider = TracerProvider(sampler=sampling.sampler(), id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing = Tracing(rng)
    tracing.record_with(Recorder(provider.get_tracer("test"), ids, Decision(sampling)))
    return tracing, kept


def test_sampled_call_becomes_a_child_of_its_parent_with_the_correlation_id():
    tracing, kept = recording(Sampling())
    span = tracing.start("call", SERVER, PARENT, "order-7", {"gen_ai.tool.name": "echo"})
    span.set("rpc.response.status_code", "OK")
    span.event("retry", {"mcpmesh.attempt": 2})
    span.end()
    (done,) = kept.get_finished_spans()
    assert done.kind is SpanKind.SERVER
    assert done.parent is not None
    assert f"{done.parent.span_id:016x}" == PARENT.span_id
    assert f"{done.context.trace_id:032x}" == PARENT.trace_id
    assert done.context.trace_state.to_header() == "vendor=1"
    assert dict(done.attributes or {}) == {
        "gen_ai.tool.name": "echo",
        "mcpmesh.correlation_id": "order-7",
        "rpc.response.status_code": "OK",
    }
    assert [event.name for event in done.events] == ["retry"]
    assert done.status.status_code is StatusCode.UNSET


def test_next_hop_gets_the_new_span_as_parent_and_the_trace_state():
    tracing, kept = recording(Sampling())
    span = tracing.start("call", SERVER, PARENT, "c")
    span.end()
    (done,) = kept.get_finished_spans()
    assert span.trace == TraceContext(
        PARENT.trace_id, f"{done.context.span_id:016x}", True, "vendor=1"
    )
    assert parse_traceparent(span.trace.traceparent(), "vendor=1") == span.trace


def test_failed_call_ends_with_its_error_type_and_message_once():
    tracing, kept = recording(Sampling())
    span = tracing.start("call", CLIENT, None, "c")
    span.end("UNAVAILABLE", "no replica of echo")
    span.end()
    (done,) = kept.get_finished_spans()
    assert done.status.status_code is StatusCode.ERROR
    assert done.status.description == "no replica of echo"
    assert (done.attributes or {})["error.type"] == "UNAVAILABLE"


def test_unsampled_parent_passes_on_unchanged_and_records_nothing():
    tracing, kept = recording(Sampling())
    span = tracing.start("call", SERVER, UNSAMPLED, "c", lambda: pytest.fail("was asked for"))
    span.set("a", 1)
    span.event("b")
    span.end("INTERNAL")
    assert span.trace is UNSAMPLED
    assert not span.recording
    assert kept.get_finished_spans() == ()


def test_without_recorder_even_a_sampled_parent_passes_on_unchanged():
    span = Tracing(Random(1)).start("call", SERVER, PARENT, "c")
    assert span.trace is PARENT
    assert not span.recording


def test_without_parent_and_recorder_a_fresh_unsampled_trace_is_made():
    tracing = Tracing(Random(1))
    first = tracing.start("call", SERVER, None, "c").trace
    second = tracing.start("call", SERVER, None, "c").trace
    assert first.trace_id != second.trace_id
    assert parse_traceparent(first.traceparent()) == first
    assert not first.sampled


def test_sampler_that_overrules_the_caller_tells_the_next_hop():
    tracing, kept = recording(Sampling(parent_based=False, ratio=0.0))
    span = tracing.start("call", SERVER, PARENT, "c")
    assert span.trace == TraceContext(PARENT.trace_id, PARENT.span_id, False, "vendor=1")
    assert kept.get_finished_spans() == ()


def test_ratio_decides_by_the_trace_id_that_the_span_then_has():
    tracing, kept = recording(Sampling(ratio=0.25))
    spans = [tracing.start("call", SERVER, None, "c") for _ in range(400)]
    for span in spans:
        span.end()
    done = {f"{s.context.trace_id:032x}" for s in kept.get_finished_spans()}
    assert done == {s.trace.trace_id for s in spans if s.recording}
    assert all((int(s.trace.trace_id[16:], 16) < 1 << 62) == s.recording for s in spans)
    assert 60 < len(done) < 140


def test_library_spans_of_a_tool_find_the_call_as_their_parent():
    tracing, _ = recording(Sampling())
    for parent in (PARENT, UNSAMPLED):
        span = tracing.start("call", SERVER, parent, "c")
        current = get_current_span(span.context()).get_span_context()
        assert f"{current.span_id:016x}" == span.trace.span_id
        assert current.trace_flags.sampled is parent.sampled


def test_empty_correlation_id_becomes_the_trace_id():
    tracing, kept = recording(Sampling())
    for each in (tracing, Tracing(Random(2))):
        for parent in (None, PARENT, UNSAMPLED):
            span = each.start("call", SERVER, parent, "")
            assert span.correlation_id == span.trace.trace_id
            span.end()
    for done in kept.get_finished_spans():
        expected = f"{done.context.trace_id:032x}"
        assert (done.attributes or {})["mcpmesh.correlation_id"] == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Sampling(True, 1.0)),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, Sampling(False, 0.0)),
        (
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"},
            Sampling(True, 0.01),
        ),
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, Sampling(False, 1.0)),
    ],
)
def test_sampler_variables_choose_the_rule(environ: dict[str, str], expected: Sampling):
    assert sampling_from(environ) == expected


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_TRACES_SAMPLER": "sometimes"}, "parentbased_traceidratio"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "7"}, "0 to 1"),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "x"}, "0 to 1"),
    ],
)
def test_wrong_sampler_value_is_logged_and_the_default_taken(
    environ: dict[str, str], said: str, caplog: pytest.LogCaptureFixture
):
    assert sampling_from(environ).ratio == 1.0
    assert said in caplog.text
