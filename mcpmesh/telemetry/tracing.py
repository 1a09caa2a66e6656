"""Spans of calls: an unsampled call gets a note of two fields, a sampled one the SDK's span.

The SDK spends a lot on a span and still something on one that it drops, so the decision is taken
first (`sampling`) and the SDK is only asked for spans that are recorded.
Every recorded span has the attribute `mcpmesh.correlation_id`.
"""

import logging
from collections.abc import Callable, Mapping
from random import Random
from threading import local

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry.attributes import CORRELATION_ID, ERROR_TYPE
from mcpmesh.telemetry.sampling import Decision

SERVER = SpanKind.SERVER
CLIENT = SpanKind.CLIENT
INTERNAL = SpanKind.INTERNAL

Value = str | int | float | bool
Attributes = Mapping[str, Value]

_log = logging.getLogger(__name__)
#: Calls whose ids are drawn at once.
_DRAWN_CALLS = 64
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NO_ATTRIBUTES: Attributes = {}


class CallSpan:
    """One call, or one try of it, seen from one hop; this class is the form that records nothing.

    `trace` is what the next hop gets as its parent.
    """

    __slots__ = ("correlation_id", "trace")

    recording = False

    def __init__(self, trace: TraceContext, correlation_id: str) -> None:
        self.trace = trace
        self.correlation_id = correlation_id

    def set(self, key: str, value: Value) -> None:
        """Add an attribute."""

    def event(self, name: str, attributes: Attributes = _NO_ATTRIBUTES) -> None:
        """Add something that happened now."""

    def end(self, error_type: str | None = None, message: str = "") -> None:
        """End the span, as failed when an error type is given; the second end changes nothing."""

    def context(self) -> Context:
        """Return the OpenTelemetry context under which a library's own spans become children."""
        return _context_of(self.trace)

    def __repr__(self) -> str:
        state = "recording" if self.recording else "unsampled"
        return f"{type(self).__name__}({self.trace.traceparent()}, {state})"


class RecordedSpan(CallSpan):
    """A call that is recorded."""

    __slots__ = ("_span",)

    recording = True

    def __init__(self, span: Span, state: str, correlation_id: str) -> None:
        own = span.get_span_context()
        trace = TraceContext(f"{own.trace_id:032x}", f"{own.span_id:016x}", True, state)
        super().__init__(trace, correlation_id)
        self._span = span

    def set(self, key: str, value: Value) -> None:
        self._span.set_attribute(key, value)

    def event(self, name: str, attributes: Attributes = _NO_ATTRIBUTES) -> None:
        self._span.add_event(name, dict(attributes))

    def end(self, error_type: str | None = None, message: str = "") -> None:
        span = self._span
        if not span.is_recording():
            return
        if error_type is not None:
            span.set_attribute(ERROR_TYPE, error_type)
            span.set_status(Status(StatusCode.ERROR, message or None))
        span.end()

    def context(self) -> Context:
        return set_span_in_context(self._span, Context())


class RandomIds(IdGenerator):
    """Ids drawn from our own source of chance.

    The sampler reads the trace id before the SDK asks for one: `offer` hands it on, per thread,
    because tools start spans in threads too.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._offered = local()

    def offer(self, trace_id: str) -> None:
        """Give the id that the next trace of this thread gets."""
        self._offered.trace_id = int(trace_id, 16)

    def generate_trace_id(self) -> int:
        """Return the offered trace id, or a new one."""
        offered: int = self._offered.__dict__.pop("trace_id", 0)
        return offered or self._rng.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """Draw a span id."""
        return self._rng.getrandbits(64) or 1

    def is_trace_id_random(self) -> bool:
        """Tell that the low bits of a trace id are evenly spread."""
        return True


class Tracing:
    """Starts the span of a call. Without a recorder nothing is sampled, and contexts pass on."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        #: Traces of calls to come, and whether each is recorded; the last one is next.
        self.drawn: list[tuple[TraceContext, bool]] = []
        self._recorder: Recorder | None = None

    def record_with(self, recorder: "Recorder") -> None:
        """Record what the recorder's rule samples."""
        self._recorder = recorder
        self.drawn.clear()

    @property
    def enabled(self) -> bool:
        """Tell whether anything can be recorded."""
        return self._recorder is not None

    def leaves_out(self, parent: TraceContext) -> bool:
        """Tell whether a call below this parent is not recorded, and passes it on as it is."""
        return self._recorder is None or not (
            parent.sampled or self._recorder.decision.continues(parent)
        )

    def start(
        self,
        name: str,
        kind: SpanKind,
        parent: TraceContext | None,
        correlation_id: str,
        attributes: Attributes | Callable[[], Attributes] = _NO_ATTRIBUTES,
    ) -> CallSpan:
        """Start the span of a call; attributes given as a function are asked for when recorded.

        An empty correlation id becomes the trace id.
        """
        trace, recorded = self.decide(parent)
        if recorded:
            return self.record(name, kind, parent, trace, correlation_id, attributes)
        return CallSpan(trace, correlation_id or trace.trace_id)

    def decide(self, parent: TraceContext | None) -> tuple[TraceContext, bool]:
        """Return the trace of a call, below its parent or a new one, and whether to `record` it.

        Of a call that is not recorded the trace is what the next hop gets as its parent.
        """
        if parent is None:
            try:
                return self.drawn.pop()
            except IndexError:
                return self._draw()
        recorder = self._recorder
        if recorder is None:
            return parent, False
        if recorder.decision.continues(parent):
            return parent, True
        if parent.sampled:  # a sampler that overrules the caller: say so to the next hop
            parent = TraceContext(parent.trace_id, parent.span_id, False, parent.state)
        return parent, False

    def record(
        self,
        name: str,
        kind: SpanKind,
        parent: TraceContext | None,
        trace: TraceContext,
        correlation_id: str,
        attributes: Attributes | Callable[[], Attributes],
    ) -> CallSpan:
        """Start the span of a call that `decide` said to record."""
        assert self._recorder is not None
        return self._recorder.start(name, kind, parent, trace.trace_id, correlation_id, attributes)

    def _draw(self) -> tuple[TraceContext, bool]:
        """Begin a trace, and many more for the calls to come: at once they cost a third."""
        drawn = self._rng.randbytes(_DRAWN_CALLS * 24).hex()
        recorder = self._recorder
        # The tuples are made without their class's own constructor, which is Python code.
        new = tuple.__new__
        roots = [
            new(TraceContext, (drawn[at : at + 32], drawn[at + 32 : at + 48], False, ""))
            for at in range(0, len(drawn), 48)
        ]
        if recorder is None:
            traces = [(root, False) for root in roots]
        else:
            begins = recorder.decision.begins
            traces = [(root, begins(root.trace_id)) for root in roots]
        first = traces.pop()
        self.drawn = traces
        return first


class Recorder:
    """The SDK's tracer behind our own sampling decision."""

    __slots__ = ("_ids", "_tracer", "decision")

    def __init__(self, tracer: Tracer, ids: RandomIds, decision: Decision) -> None:
        self._tracer = tracer
        self._ids = ids
        self.decision = decision

    def start(
        self,
        name: str,
        kind: SpanKind,
        parent: TraceContext | None,
        trace_id: str,
        correlation_id: str,
        attributes: Attributes | Callable[[], Attributes],
    ) -> CallSpan:
        """Start a recorded span in that trace: below its parent, or as the root of it."""
        correlation_id = correlation_id or trace_id
        given = attributes() if callable(attributes) else attributes
        full: dict[str, Value] = {**given, CORRELATION_ID: correlation_id}
        if parent is None:
            self._ids.offer(trace_id)
            context = Context()
        else:
            context = _context_of(parent)
        span = self._tracer.start_span(name, context, kind, full)
        return RecordedSpan(span, parent.state if parent else "", correlation_id)


def _context_of(trace: TraceContext) -> Context:
    flags = _SAMPLED if trace.sampled else TraceFlags(TraceFlags.DEFAULT)
    state = TraceState.from_header([trace.state]) if trace.state else None
    remote = SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), True, flags, state)
    return set_span_in_context(NonRecordingSpan(remote), Context())
