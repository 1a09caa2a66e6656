"""Peers that were turned away or ended: counted all, logged a few."""

import logging
from collections.abc import Callable

_log = logging.getLogger("mcpmesh.transport")

#: Lines of one reason in a row, and seconds after which there may be as many again.
_LINES = 5
_PERIOD = 10.0


def _count_nothing(_reason: str) -> None:
    """Nobody counts."""


class Refusals:
    """Tells `count` the reason of each; a peer that comes again and again can't fill the log."""

    def __init__(self, count: Callable[[str], None] = _count_nothing) -> None:
        self._count = count
        # Reason → when its period began, and how many came in it.
        self._periods: dict[str, tuple[float, int]] = {}

    def note(self, reason: str, peer: str, what: str, now: float) -> None:
        """Take note of a refusal; `what` happened to the peer, for people.

        Units: `now` in seconds of the event loop's clock.
        """
        self._count(reason)
        began, seen = self._periods.get(reason, (now, 0))
        if now - began >= _PERIOD:
            if seen > _LINES:
                _log.warning("%d more refusals for %s", seen - _LINES, reason, extra=_of(reason))
            began, seen = now, 0
        self._periods[reason] = (began, seen + 1)
        if seen < _LINES:
            _log.warning("%s: %s", peer, what, extra={"peer": peer, **_of(reason)})


def _of(reason: str) -> dict[str, str]:
    return {"reason": reason}
