"""Subsets: each router uses a few replicas of a very large cluster, so that connections stay few.

Which ones is decided by a hash of router and replica. When a replica comes or goes, a router's
subset changes by that one at most, and over all routers every replica is in about as many.

Source: rendezvous hashing (Thaler, Ravishankar 1998); gRFC A68 draws subsets in the same way.
"""

from collections.abc import Callable
from hashlib import blake2b
from heapq import nlargest

from mcpmesh.balance.candidate import Candidate


def subset(candidates: tuple[Candidate, ...], size: int, chooser: str) -> tuple[Candidate, ...]:
    """Return the chooser's own candidates, in the order they are given; all when size is 0."""
    if not size or len(candidates) <= size:
        return candidates
    chosen = {each.replica.id for each in nlargest(size, candidates, key=_ranked_by(chooser))}
    return tuple(each for each in candidates if each.replica.id in chosen)


def _ranked_by(chooser: str) -> Callable[[Candidate], bytes]:
    keyed = blake2b(chooser.encode(), digest_size=8)

    def rank(candidate: Candidate) -> bytes:
        hashing = keyed.copy()
        hashing.update(candidate.replica.id.encode())
        return hashing.digest()

    return rank
