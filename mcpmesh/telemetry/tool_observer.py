"""Watches tools run: the span `execute_tool {tool}`, its duration, the ids of its log lines."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import Protocol

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry import attributes as a
from mcpmesh.telemetry.current import running
from mcpmesh.telemetry.metrics import Histogram
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.telemetry.tracing import SERVER, CallSpan

_SERVICE = "mcpmesh.v1.ToolService"
_FINE = frozenset({"ok", "input_required"})
#: What the call ended as when its context was left without word of an outcome.
_UNKNOWN = "unknown"


class Origin(Protocol):
    """What the call's metadata said."""

    @property
    def parent(self) -> TraceContext | None: ...

    @property
    def correlation_id(self) -> str: ...

    @property
    def caller(self) -> str: ...


class Execution(Protocol):
    """A call of a tool, as the tool server tells of it."""

    @property
    def tool(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def method(self) -> str: ...

    @property
    def incoming(self) -> Origin: ...


class ToolObservation:
    """One run of a tool."""

    __slots__ = ("outcome", "span")

    def __init__(self, span: CallSpan) -> None:
        self.span = span
        self.outcome = _UNKNOWN

    @property
    def trace(self) -> TraceContext:
        """Return the context that what the tool calls belongs to."""
        return self.span.trace

    def ended(self, outcome: str) -> None:
        """Keep how the call ended: ok, input_required, cancelled or an error's code."""
        self.outcome = outcome


class ToolTelemetry:
    """The tool server's observer."""

    def __init__(self, telemetry: Telemetry, clock: Callable[[], float] = perf_counter) -> None:
        self._tracing = telemetry.tracing
        self._duration: Histogram = telemetry.instruments.tool
        self._refusals = telemetry.instruments.peer_refusals
        self._clock = clock

    def refused(self, reason: str) -> None:
        """Count a peer that was refused."""
        self._refusals.cell(reason).add()

    def call(self, call: Execution) -> AbstractContextManager[ToolObservation]:
        """Watch one call; the context is entered in the task that runs the tool."""
        return self._watch(call)

    @contextmanager
    def _watch(self, call: Execution) -> Iterator[ToolObservation]:
        origin = call.incoming
        span = self._tracing.start(
            f"{a.EXECUTE_TOOL} {call.tool}",
            SERVER,
            origin.parent,
            origin.correlation_id,
            a.execution_attributes(call.tool, f"{_SERVICE}/{call.method}", call.version),
        )
        if span.recording and origin.caller:
            span.set(a.CALLER, origin.caller)
        observation = ToolObservation(span)
        started = self._clock()
        with running(span):
            try:
                yield observation
            finally:
                self._end(call, observation, self._clock() - started)

    def _end(self, call: Execution, observation: ToolObservation, duration: float) -> None:
        outcome = observation.outcome
        error_type = None if outcome in _FINE else outcome
        self._duration.cell(call.tool, error_type or "").record(duration)
        observation.span.end(error_type)
