"""How long to wait before trying again: exponential, with jitter.

Source: gRPC connection backoff protocol; gRFC A6 and "Exponential Backoff And Jitter" (Brooker,
2015) for full jitter; balancing.md for the numbers.
"""

from dataclasses import dataclass
from random import Random

from mcpmesh.errors import InvalidCall

#: More doublings than any limit needs, and few enough that a float holds the result.
_MOST_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """A schedule of waits.

    Units: `first` and `longest` in seconds; `jitter` is the share of the wait that chance may
    add or take, 0 to 1.
    """

    first: float = 0.1
    factor: float = 1.6
    longest: float = 5.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if self.first <= 0 or self.longest < self.first or self.factor < 1:
            raise InvalidCall(f"{self}: waits must be above 0 and must not shrink")
        if not 0 <= self.jitter <= 1:
            raise InvalidCall(f"{self}: jitter is not 0 to 1")

    def wait(self, failures: int, rng: Random) -> float:
        """Return the wait after so many failures in a row.

        Units: seconds; failures from 1 up.
        """
        exponent = min(failures - 1, _MOST_DOUBLINGS)
        wait = min(self.longest, self.first * self.factor**exponent)
        return wait * (1 + self.jitter * rng.uniform(-1, 1))


def full_jitter(first: float, longest: float, failures: int, rng: Random) -> float:
    """Return a wait between none and `first`, doubled with each further failure up to `longest`.

    Callers that failed together come back spread over the whole span, not in a second wave.
    Units: seconds; failures from 1 up.
    """
    return rng.random() * min(longest, first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS))
