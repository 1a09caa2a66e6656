"""Peak EWMA: of two drawn replicas, take the one whose queue should be worked off sooner.

The cost of a replica is its estimated round trip, times the calls in flight with this one.

Source: Finagle's PeakEwma load, Linkerd.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.peak_ewma import PeakEwma
from mcpmesh.policy.balancing import Balancing

Rated = tuple[Candidate, PeakEwma]


@dataclass(frozen=True, slots=True)
class EwmaPicker:
    """Picks among candidates with an estimate of their round trip each."""

    candidates: tuple[Candidate, ...]
    rated: tuple[Rated, ...]

    @classmethod
    def of(cls, candidates: tuple[Candidate, ...], tool: str, settings: Balancing) -> "EwmaPicker":
        """Return a picker by what is known of the candidates' answers to a tool."""
        return cls(candidates, tuple((each, estimate(each, tool, settings)) for each in candidates))

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return the one with the lower cost, for its weight, of two drawn ones."""
        rated = self.rated
        if avoid:
            rated = tuple(each for each in rated if each[0].replica.id not in avoid) or rated
        count = len(rated)
        if count < 2:
            return rated[0][0] if rated else None
        # One draw for both, as in P2CPicker.
        drawn = rng.random() * count
        one = int(drawn)
        other = int((drawn - one) * (count - 1))
        if other >= one:
            other += 1
        first, first_ewma = rated[one]
        second, second_ewma = rated[other]
        first_cost = first_ewma.at(now) * (first.in_flight + 1) * second.weight
        if first_cost <= second_ewma.at(now) * (second.in_flight + 1) * first.weight:
            return first
        return second


def estimate(candidate: Candidate, tool: str, settings: Balancing) -> PeakEwma:
    """Return the candidate's own estimate for a tool, begun when nobody asked before."""
    known = candidate.loads.get(tool)
    if not isinstance(known, PeakEwma):
        known = candidate.loads[tool] = PeakEwma(settings.decay, settings.first_rtt)
    return known
