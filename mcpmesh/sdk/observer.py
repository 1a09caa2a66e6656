"""The seam for telemetry: who wants to know of a tool's calls gets a context around each."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from mcpmesh.model.trace import TraceContext
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


@dataclass(frozen=True, slots=True)
class Unobserved:
    """An observation that passes the caller's trace on and keeps nothing."""

    trace: TraceContext

    def ended(self, outcome: str) -> None:
        """Keep nothing."""


class NoObserver:
    """Watches nothing."""

    def call(self, call: ToolCall) -> AbstractContextManager[Observation]:
        """Return a context that does nothing."""
        return nullcontext(Unobserved(call.incoming.parent))
