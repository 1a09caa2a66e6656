"""Power of two choices: draw two replicas, take the one with fewer calls in flight.

Calls in flight count for more at a replica that is far slower than its peers, see `Pace`; and as
of two drawn ones both may be slow, such a replica is mostly passed over for two others.

Source: Mitzenmacher 2001; Envoy's least-request policy for the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.remaining import less_loaded, remaining


@dataclass(frozen=True, slots=True)
class P2CPicker:
    """Picks among candidates that were ready when it was built."""

    candidates: tuple[Candidate, ...]

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return the one with fewer calls in flight, for its weight, of two drawn ones."""
        candidates = self.candidates
        if avoid:
            candidates = remaining(candidates, avoid)
        count = len(candidates)
        if count < 2:
            return candidates[0] if candidates else None
        # One draw for both: its high digits choose the first, what is left of it the second.
        # `randrange` is several calls of Python code each.
        drawn = rng.random() * count
        one = int(drawn)
        other = int((drawn - one) * (count - 1))
        if other >= one:
            other += 1
        first, second = candidates[one], candidates[other]
        # `less_loaded`, written out: a call would cost a tenth of the pick.
        if (first.in_flight + 1) * second.worth <= (second.in_flight + 1) * first.worth:
            return _instead_of(first, candidates, rng) if first.slow else first
        return _instead_of(second, candidates, rng) if second.slow else second


def _instead_of(slow: Candidate, candidates: Sequence[Candidate], rng: Random) -> Candidate:
    """Return a slow one as often as it deserves, else the less loaded of two drawn anew."""
    random, count = rng.random, len(candidates)
    if random() * slow.pace.slower < 1.0:
        return slow
    return less_loaded(candidates[int(random() * count)], candidates[int(random() * count)])


@dataclass(frozen=True, slots=True)
class ChoicesPicker:
    """The same with any number of draws: one is a random replica, many are nearly the best of all.

    Draws may meet the same replica: in a large cluster that makes no difference.
    """

    candidates: tuple[Candidate, ...]
    choices: int

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return the one with the fewest calls in flight, for its weight, of those drawn."""
        candidates = remaining(self.candidates, avoid) if avoid else self.candidates
        if not candidates:
            return None
        count, random = len(candidates), rng.random
        best = candidates[int(random() * count)]
        for _ in range(self.choices - 1):
            best = less_loaded(best, candidates[int(random() * count)])
        return best
