"""Prequal: ask a few replicas with each call how loaded they are, pick by the answers at hand.

Asking goes on beside the call, which does not wait. See `ProbePool` for the choice.

Source: Wydrowski et al., NSDI 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.p2c import P2CPicker
from mcpmesh.balance.probe_pool import ProbePool
from mcpmesh.policy.balancing import Balancing


@dataclass(frozen=True, slots=True)
class PrequalPicker:
    """Picks among candidates by answers; the less loaded of two as long as there are none."""

    candidates: tuple[Candidate, ...]
    pool: ProbePool
    settings: Balancing

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return the best of those that answered lately."""
        return self.pool.take(now, avoid) or P2CPicker(self.candidates).pick(rng, now, avoid)

    def to_ask(self, rng: Random) -> list[Candidate]:
        """Return whom to ask with a call; a broken number of probes is one more now and then."""
        candidates, random = self.candidates, rng.random
        count = len(candidates)
        wanted = int(self.settings.probes + random())
        if wanted >= count:
            return list(candidates)
        drawn: list[Candidate] = []
        while len(drawn) < wanted:
            each = candidates[int(random() * count)]
            if each not in drawn:
                drawn.append(each)
        return drawn
