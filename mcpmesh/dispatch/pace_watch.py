"""Looks once a second at how fast replicas are beside those that serve the same."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.pacing import keep_pace

_TICK = 1.0


class PaceWatch:
    """Keeps what candidates are worth up to date; `groups` returns those that are alike.

    Units: `tolerated` as in HealthPolicy.slower; 0 looks at nothing.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tolerated: float,
        groups: Callable[[], Iterable[Sequence[Candidate]]],
    ) -> None:
        self._loop = loop
        self._tolerated = tolerated
        self._groups = groups
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look, if it does not yet."""
        if self._tolerated and self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._tick)

    def close(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_TICK, self._tick)
        now = self._loop.time()
        for group in self._groups():
            keep_pace(group, now, self._tolerated)
