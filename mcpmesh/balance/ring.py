"""Consistent hashing with bounded load: calls with the same key meet at the same replica.

Every replica stands at some points of a ring, by a hash of its id; a key goes to the first point
after its own hash. When a replica comes or goes, only the keys next to its points move. A replica
that has more than its share of the calls in flight, times a bound, passes its keys on to the next
one, so that a popular key cannot crush its replica.

Source: gRFC A42, A76; Mirrokni, Thorup, Zadimoghaddam 2016 for the bound.
"""

from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from math import ceil
from random import Random
from zlib import crc32

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.p2c import P2CPicker

#: More make shares more even; the bound on load mends what is left.
_POINTS = 32
_HASH_BYTES = 8
_MASK = (1 << 64) - 1
#: 2⁶⁴ by the golden ratio (Knuth, TAOCP 3, 6.4).
_SPREAD = 0x9E3779B97F4A7C15
#: Up to so many replicas, calls in flight are counted at each pick.
_FEW = 16


class RingPicker:
    """Picks by a key; calls without one go to the less loaded of two.

    The ring is made at the first pick: most tools of a large mesh are never asked for.
    """

    __slots__ = ("_bound", "_counted", "_owners", "_picks", "_places", "_plain", "candidates")

    def __init__(self, candidates: tuple[Candidate, ...], bound: float) -> None:
        self.candidates = candidates
        self._bound = bound
        self._plain = P2CPicker(candidates)
        self._places: list[int] = []
        self._owners: list[Candidate] = []
        # Calls in flight for a weight of one when last counted, and picks since.
        self._counted = 0.0
        self._picks = 0

    def __repr__(self) -> str:
        return f"<RingPicker of {len(self.candidates)}>"

    def pick(
        self, rng: Random, now: float, avoid: Sequence[str] = (), key: str = ""
    ) -> Candidate | None:
        """Return the first replica after the key that can take one more call."""
        count = len(self.candidates)
        if not key or count < 2:
            return self._plain.pick(rng, now, avoid)
        if not self._places:
            self._make()
        most = self._most(count)
        owners = self._owners
        # The last point is followed by the first.
        place = bisect_right(self._places, _place_of(key)) - len(owners)
        owner = owners[place]
        if owner.in_flight + 1 <= most * owner.weight and not avoid:
            return owner
        seen: set[Candidate] = set()
        for following in range(place, place + len(owners)):
            owner = owners[following]
            if owner.in_flight + 1 <= most * owner.weight and owner.replica.id not in avoid:
                return owner
            seen.add(owner)
            if len(seen) == count:
                break
        # Only those that failed the call are left, or loads changed since they were counted.
        return self._plain.pick(rng, now, avoid)

    def _most(self, count: int) -> int:
        """Return how many calls, this one included, a replica with a weight of one may have.

        Rounded up, as in the source: with about one call per replica, any two that meet at one
        would be over the bound, and half of all calls would miss the replica of their key.
        """
        # Not counted for each pick. Since the last count, no more can have come than were picked:
        # the bound is kept too high by what ended meanwhile, never too low.
        self._picks += 1
        if count <= _FEW or self._picks * 4 > count or self._picks == 1:
            calls = sum(each.in_flight for each in self.candidates)
            weights = sum(each.weight for each in self.candidates) or 1.0
            self._counted = (calls + 1) / weights
            self._picks = 1
            return ceil(self._bound * self._counted)
        return ceil(self._bound * (self._counted + self._picks / count))

    def _make(self) -> None:
        points = sorted(
            (place, number)
            for number, each in enumerate(self.candidates)
            for place in points_of(each)
        )
        self._places = [place for place, _ in points]
        self._owners = [self.candidates[number] for _, number in points]


def points_of(candidate: Candidate) -> tuple[int, ...]:
    """Return where a replica stands on every ring."""
    if not candidate.points:
        # A digest has eight points.
        digests = (
            blake2b(f"{number} {candidate.replica.id}".encode(), digest_size=64).digest()
            for number in range(_POINTS * _HASH_BYTES // 64)
        )
        places = b"".join(digests)
        candidate.points = tuple(
            int.from_bytes(places[start : start + _HASH_BYTES], "big")
            for start in range(0, len(places), _HASH_BYTES)
        )
    return candidate.points


def _place_of(key: str) -> int:
    # A checksum and a multiplication that spreads it: a fifth of what a hash like that of the
    # points costs, and keys need not be safe from whoever makes them up.
    return crc32(key.encode()) * _SPREAD & _MASK
