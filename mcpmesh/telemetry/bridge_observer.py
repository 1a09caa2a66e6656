"""Watches MCP requests at the bridge: the span `{method} {tool}`, its duration, its log lines.

Source: OpenTelemetry semantic conventions for MCP.
"""

import logging
from collections.abc import Callable
from time import perf_counter

from mcpmesh.model.trace import TraceContext
from mcpmesh.telemetry import attributes as a
from mcpmesh.telemetry.metrics import Histogram
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.telemetry.tracing import SERVER, CallSpan

_log = logging.getLogger("mcpmesh.mcp")
_OTHER = "_OTHER"
#: Errors of requests whose method, tool and version anybody could make up: no label values.
_UNCHECKED = frozenset({"-32700", "-32600", "-32601", "-32602", "-32020", "-32021", "-32022"})


class BridgeObservation:
    """One request while it is being answered."""

    __slots__ = ("_clock", "_duration", "_labels", "_span", "_started")

    def __init__(
        self,
        span: CallSpan,
        duration: Histogram,
        labels: tuple[str, str, str, str],
        clock: Callable[[], float],
    ) -> None:
        self._span = span
        self._duration = duration
        self._labels = labels
        self._clock = clock
        self._started = clock()

    @property
    def trace(self) -> TraceContext:
        """Return what the next hop gets as its parent."""
        return self._span.trace

    @property
    def correlation_id(self) -> str:
        """Return the caller's correlation id, or the one made for this call."""
        return self._span.correlation_id

    def end(self, error_type: str | None) -> None:
        """End the span; None for success, else a code or `tool_error`."""
        duration = self._clock() - self._started
        method, tool, version, transport = self._labels
        if error_type in _UNCHECKED:
            method, tool, version = (method if error_type == "-32602" else _OTHER), "", ""
        self._duration.at((method, tool, error_type or "", version, transport)).record(duration)
        span = self._span
        span.end(error_type)
        self._tell(error_type, duration)

    def _tell(self, error_type: str | None, duration: float) -> None:
        level = logging.DEBUG if error_type is None else logging.INFO
        if _log.isEnabledFor(level):
            method, tool, _, _ = self._labels
            fields = {
                "method": method,
                "outcome": error_type or "OK",
                "duration_ms": round(duration * 1000, 3),
                # Not from a context: requests share the one of the event loop's callbacks.
                "correlation_id": self._span.correlation_id,
                "trace_id": self._span.trace.trace_id,
                "span_id": self._span.trace.span_id,
            }
            fields |= {"tool": tool} if tool else {}
            _log.log(level, "request answered: %s", error_type or "OK", extra=fields)


class BridgeTelemetry:
    """The bridge's observer."""

    def __init__(self, telemetry: Telemetry, clock: Callable[[], float] = perf_counter) -> None:
        self._tracing = telemetry.tracing
        self._duration = telemetry.instruments.mcp_server
        self._clock = clock

    def start(
        self,
        method: str,
        tool: str,
        parent: TraceContext | None,
        correlation_id: str,
        *,
        version: str,
        request_id: str | int | float | None,
        transport: str,
    ) -> BridgeObservation:
        """Begin to watch a request."""
        network = "pipe" if transport == "stdio" else "tcp"
        span = self._tracing.start(
            f"{method} {tool}" if tool else method,
            SERVER,
            parent,
            correlation_id,
            a.request_attributes(method, tool, version, request_id, network),
        )
        labels = (method, tool, version, network)
        return BridgeObservation(span, self._duration, labels, self._clock)
