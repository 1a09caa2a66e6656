"""A thousand replicas to pick from, busy as they may be."""

from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.model.replica import Replica

REPLICAS = 1_000


def replica(number: int) -> Replica:
    """Make a replica; every third is in our zone."""
    zone = "a" if number % 3 == 0 else "b"
    return Replica(f"r{number:04}", f"10.0.{number // 250}.{number % 250}:1", labels={"zone": zone})


def candidates() -> tuple[Candidate, ...]:
    """Make candidates with calls in flight."""
    rng = Random(1)
    made = []
    for number in range(REPLICAS):
        each = Candidate(replica(number))
        each.connection = object()
        each.in_flight = rng.randrange(8)
        made.append(each)
    return tuple(made)
