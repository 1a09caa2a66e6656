"""Who is left to be picked when some replicas failed the call already."""

from collections.abc import Sequence

from mcpmesh.balance.candidate import Candidate


def remaining(candidates: tuple[Candidate, ...], avoid: Sequence[str]) -> tuple[Candidate, ...]:
    """Return the candidates that are not to be avoided; all of them when none would be left."""
    return tuple(each for each in candidates if each.replica.id not in avoid) or candidates


def less_loaded(first: Candidate, second: Candidate) -> Candidate:
    """Return the one with fewer calls in flight for its worth; the first when they are equal."""
    # (in_flight + 1) / worth, without the division.
    if (first.in_flight + 1) * second.worth <= (second.in_flight + 1) * first.worth:
        return first
    return second
