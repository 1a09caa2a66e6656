"""The seam to telemetry: who wants to know of each call, and which trace it belongs to."""

from random import Random
from typing import Protocol

from mcpmesh.codec.jsonrpc import Id
from mcpmesh.model.trace import TraceContext, new_span_id, new_trace_id


class CallObservation(Protocol):
    """One request while it is being answered."""

    @property
    def trace(self) -> TraceContext:
        """What the next hop gets as its parent."""
        ...

    @property
    def correlation_id(self) -> str:
        """The caller's correlation id, or the one made for this call."""
        ...

    def end(self, error_type: str | None) -> None:
        """Tell that the answer is known; None for success, else a code or `tool_error`."""
        ...


class Observer(Protocol):
    """Hears of every request; must be quick, and must not raise."""

    def start(
        self,
        method: str,
        tool: str,
        parent: TraceContext | None,
        correlation_id: str,
        *,
        version: str,
        request_id: Id | None,
        transport: str,
    ) -> CallObservation:
        """Begin to watch a request.

        `tool` is empty but for tools/call, `correlation_id` when the caller gave none;
        `transport` is http or stdio, `version` the protocol revision; a call over plain HTTP has
        neither a revision nor an id.
        """
        ...


class Unobserved:
    """Passes ids on, and makes those that are missing."""

    __slots__ = ("correlation_id", "trace")

    def __init__(self, trace: TraceContext, correlation_id: str) -> None:
        self.trace = trace
        self.correlation_id = correlation_id or trace.trace_id

    def end(self, error_type: str | None) -> None:
        """Forget the call."""


class NoObserver:
    """An observer that records nothing."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def start(
        self,
        method: str,
        tool: str,
        parent: TraceContext | None,
        correlation_id: str,
        *,
        version: str,
        request_id: Id | None,
        transport: str,
    ) -> CallObservation:
        """Return the caller's ids, or new ones."""
        trace = parent or TraceContext(new_trace_id(self._rng), new_span_id(self._rng))
        return Unobserved(trace, correlation_id)
