"""The layers that trace, measure and log calls, and each of their attempts."""

from asyncio import CancelledError
from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.dispatch.call_log import CallLog, CallLogger
from mcpmesh.errors import NoReplica
from mcpmesh.model.trace import TraceContext
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer, outcome
from mcpmesh.telemetry.attributes import (
    CORRELATION_ID,
    HEDGE,
    REPLICA,
    RPC_STATUS,
    attempt_attributes,
    call_attributes,
    client_error_type,
    server_error_type,
    tool_label,
)
from mcpmesh.telemetry.baggage import baggage_with_correlation
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.telemetry.tracing import CLIENT, SERVER, CallSpan
from mcpmesh.wire.hpack_literal import literal_name, literal_value

_TRACEPARENT = literal_name("traceparent")
_TRACESTATE = literal_name("tracestate")
_CORRELATION = literal_name("x-correlation-id")
_BAGGAGE = literal_name("baggage")
_OWN_BAGGAGE = f"{CORRELATION_ID}="
#: Ids up to this size need no quoting and no long form of a length.
_SHORT_ID = 64
# Up to the trace id, for a call whose correlation id that is.
NEW_TRACE = f"{_TRACEPARENT}\x3700-"
TRACE_CORRELATION = f"{_CORRELATION}\x20"
TRACE_BAGGAGE = f"{_BAGGAGE}{chr(len(_OWN_BAGGAGE) + 32)}{_OWN_BAGGAGE}"
_UNAVAILABLE = StatusCode.UNAVAILABLE.name

Clock = Callable[[], float]


class InFlight:
    """How many calls the router has not answered yet."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls = 0


class ObserveCalls(Layer[Call]):
    """Traces, measures and logs every call, refusals too."""

    def __init__(
        self, telemetry: Telemetry, clock: Clock, in_flight: InFlight, call_log: CallLog
    ) -> None:
        self._tracing = telemetry.tracing
        self._refusals = telemetry.instruments.refusals
        self._unavailable = self._refusals.cell(_UNAVAILABLE)
        self._rpc_server = telemetry.instruments.rpc_server
        self._known = self._rpc_server.known
        self._clock = clock
        self._in_flight = in_flight
        self._log = CallLogger(call_log, clock)
        self._logs_all = call_log == "all"

    def start(self, call: Call) -> None:
        self._in_flight.calls += 1
        call.began = self._clock()
        parent = call.head.parent
        call.trace, recorded = self._tracing.decide(parent)
        if not call.correlation_id:
            call.correlation_id = call.trace.trace_id
        if recorded:
            self._record(call)
        self.on(call)

    def refused(self, call: Call, error: NoReplica) -> None:
        """Take note of a call that is over as it begins, all in one step."""
        began = call.began = self._clock()
        trace, recorded = self._tracing.decide(call.head.parent)
        call.trace = trace
        if not call.correlation_id:
            call.correlation_id = trace.trace_id
        self._unavailable.add()
        labels = (call.head.method, call.tool, _UNAVAILABLE)
        cell = self._known(labels) or self._rpc_server.at(labels)
        if recorded:
            self._record(call)
        duration = self._clock() - began
        cell.record(duration)
        if call.span is not None:
            error_type = server_error_type(_UNAVAILABLE)
            _end_span(call.span, call, error_type, _UNAVAILABLE, error.message)
        elif self._log.leaves_out(began):
            return
        self._log.note(call, _UNAVAILABLE, error.message, duration)

    def failed(self, call: Call, error: BaseException) -> None:
        code, message = outcome(error)
        name = code.name
        if call.candidate is None and not isinstance(error, CancelledError):
            self._refusals.cell(name).add()
        self._note(call, name, message)
        self.fail(call, error)

    def ended(self, call: Call, code: StatusCode, message: str) -> None:
        if (
            code is StatusCode.OK
            and call.span is None
            and call.tries is None
            and not self._logs_all
        ):
            # The way of nearly every call.
            self._in_flight.calls -= 1
            labels = (call.head.method, call.tool, "OK")
            cell = self._known(labels) or self._rpc_server.at(labels)
            cell.record(self._clock() - call.began)
        else:
            self._note(call, code.name, message)
        self.end(call, code, message)

    def _record(self, call: Call) -> None:
        method = call.head.method
        call.span = self._tracing.record(
            method, SERVER, call.head.parent, call.trace, call.correlation_id,
            call_attributes(method, call.tool, call.version),
        )  # fmt: skip
        call.trace = call.span.trace

    def _note(self, call: Call, name: str, message: str) -> None:
        self._in_flight.calls -= 1
        duration = self._clock() - call.began
        label = tool_label(call.asked, name)
        self._rpc_server.cell(call.head.method, label, name).record(duration)
        if call.span is not None:
            _end_span(call.span, call, server_error_type(name), name, message)
        self._log.note(call, name, message, duration)


def _end_span(
    span: CallSpan, call: Call, error_type: str | None, status: str, message: str
) -> None:
    span.set(RPC_STATUS, status)
    if call.candidate is not None:
        span.set(REPLICA, call.candidate.replica.id)
    span.end(error_type, message)


class ObserveAttempts(Layer[Attempt]):
    """Traces and measures each attempt, and passes the trace on to the replica."""

    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        self._tracing = telemetry.tracing
        self._retries = telemetry.instruments.retries
        self._rpc_client = telemetry.instruments.rpc_client
        self._known = self._rpc_client.known
        self._clock = clock

    def start(self, attempt: Attempt) -> None:
        call = attempt.call
        trace = call.trace
        if trace.sampled and self._tracing.enabled:
            trace = self._record(attempt)
        if call.failure:
            self._retries.cell(call.tool, call.failure).add()
        attempt.fields = tie(call.correlation_id, call.head.baggage, trace)
        self.on(attempt)

    def failed(self, attempt: Attempt, error: BaseException) -> None:
        self._note(attempt, *outcome(error))
        self.fail(attempt, error)

    def ended(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        if code is StatusCode.OK and attempt.span is None:
            # The way of nearly every attempt.
            call = attempt.call
            candidate = attempt.candidate
            host, port = candidate.address
            labels = (call.head.method, call.tool, "OK", host, port)
            cell = self._known(labels) or self._rpc_client.at(labels)
            took = attempt.took = self._clock() - attempt.began
            candidate.seconds += took
            cell.record(took)
        else:
            self._note(attempt, code, message)
        self.end(attempt, code, message)

    def _note(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        call = attempt.call
        host, port = attempt.candidate.address
        name = code.name
        cell = self._rpc_client.at((call.head.method, call.tool, name, host, port))
        attempt.took = self._clock() - attempt.began
        cell.record(attempt.took)
        if code is StatusCode.OK:
            attempt.candidate.seconds += attempt.took
        if attempt.span is not None:
            attempt.span.set(RPC_STATUS, name)
            attempt.span.end(client_error_type(name), message)

    def _record(self, attempt: Attempt) -> TraceContext:
        """Start the attempt's span; an unsampled call has none and passes its trace on as it is."""
        call, candidate = attempt.call, attempt.candidate
        host, port = candidate.address
        method = call.head.method
        attributes = attempt_attributes(
            method, call.tool, candidate.replica.id, host, port, call.attempts
        )
        attempt.span = self._tracing.start(
            method, CLIENT, call.trace, call.correlation_id, attributes
        )
        if call.tries is not None and call.tries.rival is attempt:
            attempt.span.set(HEDGE, True)
        trace: TraceContext = attempt.span.trace
        return trace


def tie(correlation_id: str, baggage: str, trace: TraceContext) -> str:
    """Write the fields that tie the replica's work to a call, for `Attempt.fields`."""
    if correlation_id is trace.trace_id and not baggage and not trace.state:
        # The way of nearly every call that begins here.
        return (
            f"{NEW_TRACE}{correlation_id}-{trace.span_id}-{'01' if trace.sampled else '00'}"
            f"{TRACE_CORRELATION}{correlation_id}{TRACE_BAGGAGE}{correlation_id}"
        )
    size = len(correlation_id)
    # One text rather than a field each, and a short way for most ids: every call comes here.
    if size <= _SHORT_ID and not baggage and not trace.state and correlation_id.isalnum():
        return (
            f"{_TRACEPARENT}\x3700-{trace.trace_id}-{trace.span_id}-"
            f"{'01' if trace.sampled else '00'}{_CORRELATION}{chr(size)}{correlation_id}"
            f"{_BAGGAGE}{chr(size + len(_OWN_BAGGAGE))}{_OWN_BAGGAGE}{correlation_id}"
        )
    baggage = baggage_with_correlation(baggage, correlation_id)
    written = (
        f"{_TRACEPARENT}{literal_value(trace.traceparent())}"
        f"{_CORRELATION}{literal_value(correlation_id)}"
        f"{_BAGGAGE}{literal_value(baggage)}"
    )
    return f"{written}{_TRACESTATE}{literal_value(trace.state)}" if trace.state else written
