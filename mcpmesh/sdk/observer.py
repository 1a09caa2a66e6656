"""The seam for telemetry: who wants to know of a tool's calls gets a context around each."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from random import Random
from typing import Protocol, runtime_checkable

from mcpmesh.model.trace import TraceContext, new_span_id, new_trace_id
from mcpmesh.sdk.incoming import Incoming


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as an observer sees it when it starts.

    `method` is Invoke, InvokeStream or Converse.
    """

    tool: str
    version: str
    method: str
    incoming: Incoming


class Observation(Protocol):
    """One call being watched."""

    @property
    def trace(self) -> TraceContext:
        """The context that what the tool calls belongs to: the execution's own span."""
        ...

    def ended(self, outcome: str) -> None:
        """Say how the call ended, once: ok, input_required, cancelled or a ToolError's code."""
        ...


class ToolObserver(Protocol):
    """Watches calls; the context is entered in the task that runs the tool."""

    def call(self, call: ToolCall) -> AbstractContextManager[Observation]:
        """Watch one call from before its arguments are read until its result is known."""
        ...


@runtime_checkable
class PeerObserver(Protocol):
    """An observer that wants to know of peers that were refused, too."""

    def refused(self, reason: str) -> None:
        """Learn that a connection or call was turned away or ended, and why, in a word."""
        ...


@dataclass(frozen=True, slots=True)
class Unobserved:
    """An observation that passes the caller's trace on and keeps nothing."""

    trace: TraceContext

    def ended(self, outcome: str) -> None:
        """Keep nothing."""


class NoObserver:
    """Watches nothing; a call without a trace gets one, unrecorded, for its log lines."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def call(self, call: ToolCall) -> AbstractContextManager[Observation]:
        """Return a context that does nothing."""
        trace = call.incoming.parent
        if trace is None:
            trace = TraceContext(new_trace_id(self._rng), new_span_id(self._rng))
        return nullcontext(Unobserved(trace))
