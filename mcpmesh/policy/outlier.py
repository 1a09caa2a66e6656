"""Which replicas fail more than their peers, and how long they are left out for it.

A replica that fails fast looks idle, so every policy that goes by load sends it more calls.
Source: gRFC A50, Envoy's outlier detection.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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

    Units: seconds; ratios 0 to 1. 0 for `failures_in_row` ejects nobody.
    """

    #: Failures in a row that eject at once.
    failures_in_row: int = 5
    #: How often the rates are looked at.
    interval: float = 10.0
    #: The first ejection; the n-th in close sequence is n times as long, up to the longest.
    ejection: float = 30.0
    longest: float = 300.0
    #: The share of a tool's replicas that may be ejected; one always may.
    max_ejected_ratio: float = 0.1
    #: The rates mean something from so many replicas with so many calls each.
    least_replicas: int = 5
    least_calls: int = 100
    #: A success ratio that is so many standard deviations below the mean makes an outlier.
    deviations: float = 1.9
    #: But not one that is this close to the mean: among five replicas of which four are
    #: without a failure, a single one is two deviations off.
    tolerance: float = 0.05
    #: A share of failures from which on a replica is ejected whatever its peers do.
    failure_ratio: float = 0.85
    #: Calls that a replica must answer in its probation.
    trials: int = 3

    def __post_init__(self) -> None:
        if self.failures_in_row < 0 or self.trials < 1:
            raise InvalidCall(f"{self}: failures in a row are 0 or more, trials 1 or more")
        if self.interval <= 0 or self.ejection <= 0 or self.longest < self.ejection:
            raise InvalidCall(f"{self}: times must be above 0, and the longest be the longest")
        if not 0 <= self.max_ejected_ratio <= 1 or not 0 < self.failure_ratio <= 1:
            raise InvalidCall(f"{self}: a ratio is not 0 to 1")

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
