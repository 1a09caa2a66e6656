"""Zone first: replicas of our own zone, as long as they are not much more loaded than others.

A call to another zone costs money and a millisecond; a replica that drowns costs more. So the
nearer one is taken until it has so many times the load of the one that would be picked elsewhere.
A zone that is down or slow piles up calls and spills over by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.picker import Picker

#: Labels of a replica that say its zone; the first one that is there counts.
_ZONE, _KUBERNETES_ZONE = "zone", "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class ZonePicker:
    """Picks near or far, each by a picker of its own.

    Units: `spill` as a ratio of loads, each with the call that is to come.
    """

    candidates: tuple[Candidate, ...]
    near: Picker
    far: Picker
    spill: float

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return a replica of our zone, or the one elsewhere that is so much less loaded."""
        near = self.near.pick(rng, now, avoid, key)
        # One with next to no calls need not be compared.
        idle = near is not None and near.in_flight + 1 <= self.spill * near.weight
        if near is not None and idle and not (avoid and near.replica.id in avoid):
            return near
        far = self.far.pick(rng, now, avoid, key)
        if near is None or far is None:
            return near or far
        if avoid and (near.replica.id in avoid) != (far.replica.id in avoid):
            return far if near.replica.id in avoid else near
        if (near.in_flight + 1) * far.weight <= self.spill * (far.in_flight + 1) * near.weight:
            return near
        return far


def zone_of(candidate: Candidate) -> str:
    """Return the zone that a replica says it is in; empty when it does not say."""
    labels = candidate.replica.labels
    return labels.get(_ZONE) or labels.get(_KUBERNETES_ZONE) or ""
