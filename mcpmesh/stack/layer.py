"""The seam between the layers of a call.

A layer hears of a call on its way down (`start`), and of its outcome on the way back up: what was
asked for failed, or was answered and ended. The first layers are told of calls, those below retry
of attempts. There is no coroutine, future or closure per call and layer: what a layer must remember
stands in the call, and a layer that does not care for a step is not in its way. That costs a call a
third of what six nested coroutines do, and nothing waits for a turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from grpc import StatusCode

from mcpmesh.codec.status import status_of

T = TypeVar("T")


class Layer(Generic[T]):
    """One thin decision on the way of a call, or of an attempt.

    Each step ends with the same step of the next layer: `on`, `fail` or `end`; or with
    another one, as the layer decides. `stacked` sets these.
    """

    #: Down: what is below may begin.
    on: Callable[[T], None]
    #: Up: it failed before its answer began. The error is a MeshError, or CancelledError when
    #: nobody waits for the answer any more.
    fail: Callable[[Any, BaseException], None]
    #: Up: the answer began, and ended with this status and message.
    end: Callable[[Any, StatusCode, str], None]

    def start(self, it: T) -> None:
        """Let it begin."""
        raise NotImplementedError

    def failed(self, it: T, error: BaseException) -> None:
        """Learn that it failed, without an answer."""
        raise NotImplementedError

    def ended(self, it: T, code: StatusCode, message: str) -> None:
        """Learn how its answer ended."""
        raise NotImplementedError


#: (a layer's attribute, the step of the next layer that it stands for)
_DOWN = (("on", "start"),)
_UP = (("fail", "failed"), ("end", "ended"))


def stacked(*layers: Layer[Any]) -> Layer[Any]:
    """Put layers over each other, the first one outermost; return the one to start at.

    Each gets the steps of the next layer that takes part in them.
    """
    for links, row in ((_DOWN, layers), (_UP, layers[::-1])):
        for attribute, step in links:
            for place, layer in enumerate(row):
                following = [each for each in row[place + 1 :] if _takes_part(each, step)]
                if following:
                    setattr(layer, attribute, getattr(following[0], step))
    return layers[0]


def _takes_part(layer: Layer[Any], step: str) -> bool:
    return getattr(type(layer), step) is not getattr(Layer, step)


def outcome(error: BaseException) -> tuple[StatusCode, str]:
    """Return how the books call the end of what failed with this error."""
    if isinstance(error, asyncio.CancelledError):
        return StatusCode.CANCELLED, "the caller is gone"
    status = status_of(error)
    return status.code, status.message
