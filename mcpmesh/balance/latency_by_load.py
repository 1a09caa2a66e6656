"""How long a server takes at the load that it has now: what it answers to a probe.

An average over all calls would tell of the past. What is wanted is how long a call takes that
comes now, so calls are kept by how many others were in flight when they came.

Source: Wydrowski et al., NSDI 2024 (Prequal), 4.2: the median of recent calls near the load of now.
"""

from collections import deque
from statistics import median_low

#: Calls kept per level of load, and seconds they tell something for.
_KEPT = 15
_RECENT = 10.0
_LEVELS = 24


class LatencyByLoad:
    """Recent calls of one tool on one server.

    Units: seconds.
    """

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[deque[tuple[float, float]]] = [
            deque(maxlen=_KEPT) for _ in range(_LEVELS)
        ]

    def __repr__(self) -> str:
        return f"<LatencyByLoad of {sum(map(len, self._levels))} calls>"

    def ended(self, now: float, in_flight: int, latency: float) -> None:
        """Take a call that ended; so many others were in flight when it came."""
        self._levels[_level(in_flight)].append((now, latency))

    def at(self, now: float, in_flight: int) -> float:
        """Return how long a call takes with so many others in flight; 0 when nothing is known."""
        level = _level(in_flight)
        # The level itself, then its neighbours on both sides, the nearest first.
        for distance in range(_LEVELS):
            for near in {level - distance, level + distance}:
                if 0 <= near < _LEVELS and (found := self._recent(near, now)):
                    return median_low(found)
        return 0.0

    def _recent(self, level: int, now: float) -> list[float]:
        return [latency for at, latency in self._levels[level] if now - at <= _RECENT]


def _level(in_flight: int) -> int:
    """Put loads together that differ by less than a quarter."""
    if in_flight < 4:
        return in_flight
    bits = in_flight.bit_length()
    # Four levels for each doubling.
    return min(_LEVELS - 1, 4 * (bits - 2) + (in_flight >> (bits - 3) & 3))
