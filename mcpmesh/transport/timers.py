"""Deadlines of many calls on few timers of the event loop.

A loop timer per call costs several times as much to set and cancel as a place in a shared slot. The
price is precision: a deadline passes up to one slot late, never early.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

#: Seconds. A hundredth of a usual timeout; short timeouts take a timer of their own.
SLOT = 0.02
_EXACT_BELOW = 0.5
#: Seconds. Slots stay until their time, so far-off deadlines could make any number of them.
_EXACT_ABOVE = 60.0


class Expiring(Protocol):
    """What has a deadline; hashed by identity."""

    def expire(self) -> None:
        """Learn that the deadline passed."""


class Pending(Protocol):
    """Where an item waits for its deadline: a set of them, but for the odd ones."""

    def discard(self, item: Any, /) -> None:
        """Take the item back; harmless when it expired."""


class _Exact:
    """A timer for one item."""

    __slots__ = ("_timer",)

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self._timer = timer

    def discard(self, _item: Any, /) -> None:
        self._timer.cancel()


class Timers:
    """Pending deadlines by slot.

    Units: seconds of the event loop's clock.
    """

    __slots__ = ("_loop", "_slots")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, set[Expiring]] = {}

    def __len__(self) -> int:
        return sum(len(slot) for slot in self._slots.values())

    def add(self, at: float, now: float, item: Expiring) -> Pending:
        """Have an item expire, unless it is discarded from what this returns."""
        slot = self.slot(at, now)
        if slot is None:
            return _Exact(self._loop.call_at(at, item.expire))
        slot.add(item)
        return slot

    def slot(self, at: float, now: float) -> set[Expiring] | None:
        """Return where items with this deadline wait; None when each has to have its own timer.

        What is put there, until the deadline passed, expires.
        """
        if not _EXACT_BELOW <= at - now <= _EXACT_ABOVE:
            return None
        number = int(at / SLOT) + 1
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = set()
            self._loop.call_at(number * SLOT, self._expire, number)
        return slot

    def _expire(self, number: int) -> None:
        slot = self._slots[number]
        # One may take back others of its slot while it expires.
        while slot:
            slot.pop().expire()
        del self._slots[number]
