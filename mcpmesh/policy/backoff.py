"""How long to wait before trying again: exponential, with jitter.

Source: gRPC connection backoff protocol; balancing.md for the numbers.
"""

from dataclasses import dataclass
from random import Random

from mcpmesh.errors import InvalidCall


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
        exponent = min(failures - 1, 64)
        wait = min(self.longest, self.first * self.factor**exponent)
        return wait * (1 + self.jitter * rng.uniform(-1, 1))
