"""The seam between the layers of a call.

A layer hears of a call on its way down (`start`), and of its outcome on the way back up: what was
asked for failed, or was answered and ended. The first layers are told of calls, those below retry
of attempts. There is no coroutine, future or closure per call and layer: what a layer must remember
stands in the call, and a layer that does not care for a step is not in its way. That costs a call
much less than nested coroutines do, and nothing waits for a turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from grpc import StatusCode

from mcpmesh.codec.status import told_of

Above = TypeVar("Above")
Below = TypeVar("Below")
T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Crossing(Generic[Above, Below]):
    """A layer below which something else is on its way than above: calls above, attempts below.

    It has the steps that it takes part in, of these:

    `start(above)`: let it begin.
    `failed(below, error)`: learn that it failed before its answer began. The error is a MeshError,
    or CancelledError when nobody waits for the answer any more.
    `ended(below, code, message)`: learn how its answer ended.

    Each step ends with the same step of the next layer: `on`, `fail` or `end`; or with
    another one, as the layer decides. `stacked` sets these.
    """

    #: Down: what is below may begin.
    on: Callable[[Below], None]
    #: Up: it failed.
    fail: Callable[[Above, BaseException], None]
    #: Up: the answer began, and ended with this status and message.
    end: Callable[[Above, StatusCode, str], None]


class Layer(Crossing[T, T]):
    """One thin decision on the way of a call, or of an attempt."""


class Top(Protocol[T_contra]):
    """Where a stack is entered."""

    def start(self, it: T_contra) -> None:
        """Let it begin."""
        ...


#: (a layer's attribute, the step of the next layer that it stands for)
_DOWN = (("on", "start"),)
_UP = (("fail", "failed"), ("end", "ended"))


def stacked(top: Top[T], *below: Crossing[Any, Any]) -> Top[T]:
    """Put layers over each other, the first one outermost; return it, the one to start at.

    Each gets the steps of the next layer that has them.
    """
    layers = (top, *below)
    for links, row in ((_DOWN, layers), (_UP, layers[::-1])):
        for attribute, step in links:
            for place, layer in enumerate(row):
                following = [each for each in row[place + 1 :] if hasattr(type(each), step)]
                if following:
                    setattr(layer, attribute, getattr(following[0], step))
    return top


def outcome(error: BaseException) -> tuple[StatusCode, str]:
    """Return how the books call the end of what failed with this error."""
    if isinstance(error, asyncio.CancelledError):
        return StatusCode.CANCELLED, "the caller is gone"
    return told_of(error)
