"""Candidates that are ready, and many picks among them."""

from collections import Counter
from random import Random

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.picker import Picker
from mcpmesh.model.replica import Replica


def ready(*weights: float, zones: tuple[str, ...] = ()) -> tuple[Candidate, ...]:
    """Make candidates r0, r1, … with these weights."""
    made = []
    for number, weight in enumerate(weights):
        labels = {"zone": zones[number]} if zones else {}
        each = Candidate(Replica(f"r{number}", f"10.0.0.{number}:50051", labels=labels))
        each.weight = weight
        each.connection = object()
        made.append(each)
    return tuple(made)


def picks(
    picker: Picker,
    count: int,
    *,
    avoid: tuple[str, ...] = (),
    key: str = "",
    now: float = 0.0,
    seed: int = 1,
) -> Counter[str]:
    """Pick many times, with nothing in flight; count the picks by replica."""
    rng = Random(seed)
    counts: Counter[str] = Counter()
    for _ in range(count):
        picked = picker.pick(rng, now, avoid, key)
        assert picked is not None
        counts[picked.replica.id] += 1
    return counts
