"""Who serves first: replicas of a higher number get calls only while none of a lower one can.

Source: the priority of SRV records, RFC 2782.
"""

from collections.abc import Sequence

from mcpmesh.balance.candidate import Candidate

#: Label of a replica that says its number; without, 0, and so first.
PRIORITY_LABEL = "priority"


def priority_of(candidate: Candidate) -> int:
    """Return a replica's number; 0 when it says none, or something else."""
    number = candidate.replica.labels.get(PRIORITY_LABEL, "")
    return int(number) if number.isascii() and number.isdigit() else 0


def foremost(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return those of the lowest number."""
    if not any(PRIORITY_LABEL in each.replica.labels for each in candidates):
        return tuple(candidates)
    first = min(map(priority_of, candidates), default=0)
    return tuple(each for each in candidates if priority_of(each) == first)
