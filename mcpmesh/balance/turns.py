"""Taking turns: each replica as often as its weight says, spread as evenly as can be.

Equal replicas come one after the other. For different ones, turn n is at the fraction of n times
the golden ratio on the line of all weights: no sequence spreads more evenly, and it costs one
binary search however many replicas there are.

Source: gRFC A58 asks for evenly spread picks; Knuth, TAOCP 3, 6.4 for the golden ratio.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.reported_weight import ReportedWeight
from mcpmesh.policy.balancing import Balancing

_GOLDEN = (5**0.5 - 1) / 2
#: Seconds after which weights are looked at again: they ramp up, and replicas report.
REFRESH = 1.0
#: The number of the turn stays far below where a float loses fractions.
_TURNS = 1 << 32

#: The weights of all candidates by now.
Weigh = Callable[[Sequence[Candidate], float], Sequence[float]]


class TurnsPicker:
    """Picks by turns; only the number of the turn changes with a pick."""

    __slots__ = ("_fresh_until", "_sums", "_weigh", "candidates", "turn")

    def __init__(self, candidates: tuple[Candidate, ...], weigh: Weigh, turn: int) -> None:
        self.candidates = candidates
        #: Of the last pick; a picker that follows goes on there.
        self.turn = turn
        self._weigh = weigh
        # Empty when all are alike.
        self._sums: list[float] = []
        self._fresh_until = float("-inf")

    def __repr__(self) -> str:
        return f"<TurnsPicker of {len(self.candidates)} at {self.turn}>"

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return whose turn it is."""
        candidates = self.candidates
        if not candidates:
            return None
        if now >= self._fresh_until:
            self._refresh(now)
        turn = self.turn = (self.turn + 1) % _TURNS
        sums = self._sums
        if sums:
            # Rounding may lead past the end.
            place = bisect_right(sums, turn * _GOLDEN % 1.0 * sums[-1])
            picked = candidates[place if place < len(sums) else -1]
        else:
            picked = candidates[turn % len(candidates)]
        if avoid and picked.replica.id in avoid:
            return self._another(picked, avoid)
        return picked

    def _another(self, picked: Candidate, avoid: Sequence[str]) -> Candidate:
        """Return the next one after the picked one that is not to be avoided."""
        start = self.candidates.index(picked)
        following = (*self.candidates[start:], *self.candidates[:start])
        return next((each for each in following if each.replica.id not in avoid), picked)

    def _refresh(self, now: float) -> None:
        weights = self._weigh(self.candidates, now)
        alike = min(weights) == max(weights)
        self._sums = [] if alike else list(accumulate(weights))
        self._fresh_until = now + REFRESH


def own_weights(candidates: Sequence[Candidate], now: float) -> list[float]:
    """Return the weights that replicas registered with, as far as they may be used for now."""
    return [each.weight for each in candidates]


def reported_weights(settings: Balancing) -> Weigh:
    """Return what weighs candidates by their reports; those without one are like the average.

    With fewer than two that can be relied on, all are alike. Their own weights count too.
    """

    def weigh(candidates: Sequence[Candidate], now: float) -> list[float]:
        reported = [_reported(each).at(now, settings) for each in candidates]
        known = [weight for weight in reported if weight > 0]
        if len(known) < 2:
            return own_weights(candidates, now)
        average = sum(known) / len(known)
        return [
            (weight or average) * each.weight
            for weight, each in zip(reported, candidates, strict=True)
        ]

    return weigh


def _reported(candidate: Candidate) -> ReportedWeight:
    if candidate.reported is None:
        candidate.reported = ReportedWeight()
    return candidate.reported
