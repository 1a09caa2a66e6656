"""What a call that starts here tells the next hop: its trace and its correlation id."""

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace import get_current_span

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry.current import current_call

_BAGGAGE = W3CBaggagePropagator()


def headers_of_current() -> dict[str, str]:
    """Return the headers of the current OpenTelemetry span, or of the call that a tool serves.

    Shape: any of traceparent, tracestate, baggage, x-correlation-id; empty outside of both.
    """
    headers: dict[str, str] = {}
    call = current_call.get()
    span = get_current_span().get_span_context()
    trace: TraceContext | None = None
    if span.is_valid:
        trace = TraceContext(
            f"{span.trace_id:032x}",
            f"{span.span_id:016x}",
            span.trace_flags.sampled,
            span.trace_state.to_header(),
        )
    elif call is not None:
        trace = call.trace
    if trace is not None:
        headers["traceparent"] = trace.traceparent()
        if trace.state:
            headers["tracestate"] = trace.state
    _BAGGAGE.inject(headers)
    if call is not None and call.correlation_id:
        headers["x-correlation-id"] = call.correlation_id
    return headers
