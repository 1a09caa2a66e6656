"""Subsets: each router uses a few replicas of a very large cluster, so that connections stay few.

Which ones is decided by a hash of router and replica. When a replica comes or goes, a router's
subset changes by that one at most, and over all routers every replica is in about as many.

Source: rendezvous hashing (Thaler, Ravishankar 1998); gRFC A68 draws subsets in the same way.
"""

from functools import partial
from hashlib import blake2b
from heapq import nlargest

from mcpmesh.balance.candidate import Candidate


def subset(candidates: tuple[Candidate, ...], size: int, chooser: str) -> tuple[Candidate, ...]:
    """Return the chooser's own candidates, in the order they are given; all when size is 0."""
    if not size or len(candidates) <= size:
        return candidates
    chosen = set(nlargest(size, candidates, key=partial(_rank, chooser)))
    return tuple(each for each in candidates if each in chosen)


def _rank(chooser: str, candidate: Candidate) -> bytes:
    known = candidate.rank
    if known is None or known[0] != chooser:
        digest = blake2b(f"{chooser} {candidate.replica.id}".encode(), digest_size=8).digest()
        known = candidate.rank = chooser, digest
    return known[1]
