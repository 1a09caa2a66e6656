"""Which replicas fail more than their peers, and how long they are left out for it.

A replica that fails fast looks idle, so every policy that goes by load sends it more calls.
Source: gRFC A50, Envoy's outlier detection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from statistics import fmean, pstdev

from mcpmesh.errors import InvalidCall


@dataclass(frozen=True, slots=True)
class Tally:
    """How the attempts at one replica ended within an interval."""

    successes: int
    failures: int

    @property
    def calls(self) -> int:
        """Return how many ended."""
        return self.successes + self.failures

    @property
    def success_ratio(self) -> float:
        """Return the share of successes; 1 when nothing ended."""
        return self.successes / self.calls if self.calls else 1.0


@dataclass(frozen=True, slots=True)
class Outlier:
    """When a replica is ejected.

    Units: seconds; ratios 0 to 1.
    Raises: InvalidCall.
    """

    failures_in_row: int = 5
    """Failures in a row that eject at once; 0 ejects nobody, by rates neither."""
    interval: float = 10.0
    """How often the rates are looked at."""
    ejection: float = 30.0
    """The first ejection; the n-th in close sequence is n times as long."""
    longest: float = 300.0
    """The longest ejection."""
    max_ejected_ratio: float = 0.1
    """The share of a tool's replicas that may be ejected; one always may."""
    least_replicas: int = 5
    """The rates mean something from so many replicas on"""
    least_calls: int = 100
    """that have so many calls each."""
    deviations: float = 1.9
    """A success ratio that is so many standard deviations below the mean makes an outlier;"""
    tolerance: float = 0.05
    """but not one that is this close to the mean: among five replicas of which four are without
    a failure, a single one is two deviations off."""
    failure_ratio: float = 0.85
    """A share of failures that ejects whatever the peers do."""
    trials: int = 3
    """Calls that a replica must answer in its probation."""

    def __post_init__(self) -> None:
        for name in ("failures_in_row", "least_replicas", "least_calls", "deviations", "tolerance"):
            value = getattr(self, name)
            if not 0 <= value < inf:
                raise InvalidCall(f"{name} {value} is not 0 or more")
        if self.trials < 1:
            raise InvalidCall(f"trials {self.trials} is not 1 or more")
        for name in ("interval", "ejection"):
            value = getattr(self, name)
            if not 0 < value < inf:
                raise InvalidCall(f"{name} {value} is not a number of seconds above 0")
        if not self.ejection <= self.longest < inf:
            raise InvalidCall(f"longest {self.longest} is below ejection, which is {self.ejection}")
        if not 0 <= self.max_ejected_ratio <= 1:
            raise InvalidCall(f"max_ejected_ratio {self.max_ejected_ratio} is not 0 to 1")
        if not 0 < self.failure_ratio <= 1:
            raise InvalidCall(f"failure_ratio {self.failure_ratio} is not above 0 and up to 1")

    def too_many_in_row(self, failures: int) -> bool:
        """Tell whether so many failures in a row eject."""
        return 0 < self.failures_in_row <= failures

    def may_eject(self, ejected: int, replicas: int) -> bool:
        """Tell whether one more of a tool's replicas may be ejected.

        Never the only one: there would be nobody else to call.
        """
        if replicas < 2:
            return False
        return not ejected or ejected / replicas < self.max_ejected_ratio

    def outliers(self, tallies: Mapping[str, Tally]) -> dict[str, str]:
        """Return the replicas whose rates stand out, and why; the worst first.

        Shape: replica id → what happened at it in the interval that is over.
        """
        ratios = {
            replica: tally.success_ratio
            for replica, tally in tallies.items()
            if tally.calls >= self.least_calls
        }
        if not self.failures_in_row or len(ratios) < self.least_replicas:
            return {}
        mean, deviation = fmean(ratios.values()), pstdev(ratios.values())
        lowest = min(mean - self.deviations * deviation, mean - self.tolerance)
        found = {}
        for replica, ratio in sorted(ratios.items(), key=lambda item: item[1]):
            if ratio < lowest:
                found[replica] = (
                    f"{ratio:.1%} of its calls succeeded, {mean:.1%} of those of its peers"
                )
            elif 1 - ratio >= self.failure_ratio:
                found[replica] = f"{1 - ratio:.1%} of its calls failed"
        return found

    def ejection_time(self, ejections: int) -> float:
        """Return how long the n-th ejection in close sequence lasts.

        Units: seconds; ejections from 1 up.
        """
        return min(self.longest, self.ejection * ejections)
