"""Picks while some replicas prove themselves or start slowly; around any policy's picker."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.picker import Picker


@dataclass(frozen=True, slots=True)
class RecoveringPicker:
    """Gives replicas in probation a call at a time, and those that start slowly a part of theirs.

    It stands only in routes that have some, so that others pay nothing. A part is given by
    passing the replica over now and then, not by its weight: in a mesh that is hardly loaded
    weights decide nothing or all.
    """

    picker: Picker
    on_trial: tuple[Candidate, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Who can be picked."""
        return self.picker.candidates + self.on_trial

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return a replica that is due for a trial, or whom the policy picks."""
        for candidate in self.on_trial:
            if candidate.health.trials and candidate.replica.id not in avoid:
                candidate.health.trials -= 1
                return candidate
        picked = self.picker.pick(rng, now, avoid, key)
        if picked is not None and picked.health.share < 1.0 and rng.random() > picked.health.share:
            return self.picker.pick(rng, now, (*avoid, picked.replica.id), key)
        return picked
