"""Power of two choices: draw two replicas, take the one with fewer calls in flight.

Source: Mitzenmacher 2001; Envoy's least-request policy for the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mcpmesh.balance.candidate import Candidate


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
            candidates = (
                tuple(each for each in candidates if each.replica.id not in avoid) or candidates
            )
        count = len(candidates)
        if count < 2:
            return candidates[0] if candidates else None
        # One draw for both: its high digits choose the first, what is left of it the second.
        # `randrange` would cost 0.6 µs each.
        drawn = rng.random() * count
        one = int(drawn)
        other = int((drawn - one) * (count - 1))
        if other >= one:
            other += 1
        first, second = candidates[one], candidates[other]
        # (in_flight + 1) / weight, without the division.
        if (first.in_flight + 1) * second.weight <= (second.in_flight + 1) * first.weight:
            return first
        return second
