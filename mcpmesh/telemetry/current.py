"""The call that runs now: what log lines and a library's own spans belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import attach, detach

from mcpmesh.telemetry.tracing import CallSpan

#: Set while a call runs, in its task and in the threads that its context is copied to.
current_call: ContextVar[CallSpan | None] = ContextVar("mcpmesh_current_call", default=None)


@contextmanager
def running(span: CallSpan) -> Iterator[CallSpan]:
    """Make a span the current call: for log lines, and as parent of a library's own spans."""
    mine = current_call.set(span)
    theirs = attach(span.context())
    try:
        yield span
    finally:
        detach(theirs)
        current_call.reset(mine)
