"""Virtual time: what the product needs of an event loop, without waiting."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any


class Handle:
    """A callback to come; can be taken back."""

    __slots__ = ("args", "callback")

    def __init__(self, callback: Callable[..., object] | None, args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args

    def cancel(self) -> None:
        """Take it back; harmless when it was called."""
        self.callback = None


class VirtualLoop:
    """Events by their time. Units: seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Handle]] = []
        self._numbers = count()

    def time(self) -> float:
        """Return the virtual time."""
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Handle:
        """Have something called at a time; at once, in its turn, when that has passed."""
        handle = Handle(callback, args)
        heapq.heappush(self._events, (max(when, self.now), next(self._numbers), handle))
        return handle

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Handle:
        """Have something called after so many seconds."""
        return self.call_at(self.now + delay, callback, *args)

    def run_until(self, end: float) -> None:
        """Let time pass."""
        events = self._events
        while events and events[0][0] <= end:
            self.now, _, handle = heapq.heappop(events)
            if handle.callback is not None:
                handle.callback(*handle.args)
        self.now = end
