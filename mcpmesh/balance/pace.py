"""How fast a replica is beside its peers: one that is far slower should get fewer calls.

Calls in flight tell too little of it: in a mesh that is hardly loaded, a replica that takes 16
times as long has but two or three more of them than the others. Measuring each call, as peak EWMA
does, tells most, and costs every call. So this looks at what is counted anyway, once in a while: a
mean time of late for all calls at a replica, whatever tool they were for. It is held against
those that serve the same tools, and believed the more, the more calls it is made of. What is not
tried any more fades, so that a replica which was slow is tried again.
"""

from math import exp

#: Seconds in which a success loses most of its say.
FADING = 5.0
#: So many successes that took as long as those of its peers are taken for granted of each replica.
_GRANTED = 5.0
#: Successes without which a replica says nothing of what is usual.
_LEAST = 2.0
#: Seconds: differences below are nobody's concern.
_TRIFLE = 0.001


class Pace:
    """The successes of a replica of late, and the time that they took.

    Units: seconds; `slower` is 1 for one that is as fast as its peers, or not much slower.
    """

    __slots__ = ("_at", "counted", "seconds", "slower", "successes", "timed")

    def __init__(self) -> None:
        self.successes = 0.0
        self.seconds = 0.0
        self.slower = 1.0
        self._at = 0.0
        #: Successes that were taken in, from the beginning, and the time that they took.
        self.counted = 0
        self.timed = 0.0

    def __repr__(self) -> str:
        return f"<Pace {self.slower:.1f} times slower, {self.successes:.1f} successes>"

    @property
    def mean(self) -> float | None:
        """The mean time of a success; None when too few are known."""
        return self.seconds / self.successes if self.successes >= _LEAST else None

    @property
    def told(self) -> str:
        """Say how slow it is, for people; empty when that makes no difference."""
        return "" if self.slower == 1.0 else f"takes {self.slower:.1f} times as long as its peers"

    def follow(self, successes: int, seconds: float, now: float) -> None:
        """Take in the counts as they are now."""
        kept = exp((self._at - now) / FADING)
        self.successes = self.successes * kept + successes - self.counted
        self.seconds = self.seconds * kept + seconds - self.timed
        self.counted, self.timed, self._at = successes, seconds, now

    def beside(self, usual: float) -> float:
        """Return how many times slower it is than what is usual, as far as that is known."""
        granted = _GRANTED * usual
        mean = (self.seconds + granted) / (self.successes + _GRANTED)
        return (mean + _TRIFLE) / (usual + _TRIFLE)
