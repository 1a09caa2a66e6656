"""What every balancing policy is: an immutable choice among the candidates of a route."""

from collections.abc import Sequence
from random import Random
from typing import Protocol

from mcpmesh.balance.candidate import Candidate


class Picker(Protocol):
    """Picks a replica for each attempt; built by the balancer, replaced as a whole.

    What is learnt of replicas stands in the candidates, so that it outlives the picker.
    """

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Who can be picked."""
        ...

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return a replica, None when there is none.

        `avoid` names replicas that failed this call: they are taken only when no other is left.
        `key` is what calls have in common that should meet at one replica.
        Units: `now` in seconds of the clock that attempts are measured by.
        """
        ...
