"""Peak EWMA: of some drawn replicas, take the one whose queue should be worked off soonest.

The cost of a replica is its estimated round trip, times the calls in flight with this one.

Source: Finagle's PeakEwma load, Linkerd.
"""

from collections.abc import Sequence
from math import exp
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.peak_ewma import PeakEwma
from mcpmesh.policy.balancing import Balancing

Rated = tuple[Candidate, PeakEwma]


class EwmaPicker:
    """Picks by what is known of the candidates' answers to a tool.

    Estimates are looked up at the first pick: when a server of 1,000 tools comes or goes, most of
    their pickers are replaced before anybody asks them.
    """

    __slots__ = ("_more", "_rated", "_settings", "_tool", "candidates")

    def __init__(self, candidates: tuple[Candidate, ...], tool: str, settings: Balancing) -> None:
        self.candidates = candidates
        self._tool = tool
        self._settings = settings
        self._rated: tuple[Rated, ...] = ()
        # Draws beyond two: of two, both may be slow.
        self._more = max(0, settings.choices - 2)

    def __repr__(self) -> str:
        return f"<EwmaPicker of {len(self.candidates)}>"

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return the one with the lowest cost, for its weight, of those drawn."""
        rated = self._rated or self._rate()
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
        # PeakEwma.at, written out: calls would cost a third of the pick. Costs are compared as
        # they are for a weight of one, times the other's weight.
        best, ewma = rated[one]
        lowest = ewma.value * exp((now - ewma.since) * ewma.rate) * (best.in_flight + 1)
        each, ewma = rated[other]
        cost = ewma.value * exp((now - ewma.since) * ewma.rate) * (each.in_flight + 1)
        if cost * best.weight < lowest * each.weight:
            best, lowest = each, cost
        for _ in range(self._more):
            each, ewma = rated[int(rng.random() * count)]
            cost = ewma.value * exp((now - ewma.since) * ewma.rate) * (each.in_flight + 1)
            if cost * best.weight < lowest * each.weight:
                best, lowest = each, cost
        return best

    def _rate(self) -> tuple[Rated, ...]:
        tool, settings = self._tool, self._settings
        self._rated = tuple((each, estimate(each, tool, settings)) for each in self.candidates)
        return self._rated


def estimate(candidate: Candidate, tool: str, settings: Balancing) -> PeakEwma:
    """Return the candidate's own estimate for a tool, begun when nobody asked before."""
    known = candidate.loads.get(tool)
    if not isinstance(known, PeakEwma):
        known = candidate.loads[tool] = PeakEwma(settings.decay, settings.first_rtt)
    return known
