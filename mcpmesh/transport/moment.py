"""The moment of each turn of the loop for what is a lot of work, shared by all links.

However many peers flood the loop at once, it is held up no longer than that; then the others' bytes
come, and the floods go on in turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

#: Seconds of a turn: a small part of what a call takes, and a few large frames.
MOMENT = 0.00025


class Waits(Protocol):
    """Who has more to do than a moment allows."""

    def go_on(self) -> None:
        """Do a part of it, for as long as the moment lasts; `wait` again with the rest."""


class Moment:
    """How long this turn of the loop may still be held up, and who goes on in the next.

    `before` runs first in a turn that goes on: what others have to send waits for no flood.
    Units: seconds of `clock`, which moves within a turn, as the loop's own does not.
    """

    __slots__ = ("_before", "_loop", "_row", "clock", "until")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        before: Callable[[], None],
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.clock = clock
        #: When this turn's moment is over; 0 in a turn without one so far.
        self.until = 0.0
        self._loop = loop
        self._before = before
        self._row: deque[Waits] = deque()

    def __repr__(self) -> str:
        return f"<Moment waiting={len(self._row)}>"

    def begin(self) -> None:
        """Begin this turn's moment, unless it began before."""
        if not self.until:
            self.until = self.clock() + MOMENT
            self._loop.call_soon(self._end_turn)

    def wait(self, who: Waits) -> None:
        """Have somebody go on in a later turn, after those that wait already."""
        self._row.append(who)

    def _end_turn(self) -> None:
        self.until = 0.0
        row = self._row
        if not row:
            return
        self._before()
        self.begin()
        for _ in range(len(row)):
            row.popleft().go_on()
            if self.clock() > self.until:
                return
