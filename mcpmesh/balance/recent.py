"""What became of the attempts at one replica of late."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts that only rise, at one moment, or their difference between two.

    Units: `seconds` is the time of all successes together.
    """

    at: float = 0.0
    picks: int = 0
    successes: int = 0
    failures: int = 0
    seconds: float = 0.0

    def since(self, before: "Counts") -> "Counts":
        """Return what was added; `at` is the time between."""
        return Counts(
            self.at - before.at,
            self.picks - before.picks,
            self.successes - before.successes,
            self.failures - before.failures,
            self.seconds - before.seconds,
        )

    @property
    def mean_time(self) -> float | None:
        """The mean time of a success; None when there was none."""
        return self.seconds / self.successes if self.successes else None


class Recent:
    """Keeps the counts of the last two turns, so that the figures are never of a moment only."""

    __slots__ = ("_last", "_older")

    def __init__(self) -> None:
        self._older = self._last = Counts()

    def start(self, counts: Counts) -> None:
        """Count from here."""
        self._older = self._last = counts

    def turn(self, counts: Counts) -> Counts:
        """Begin a new turn; return what was added in the one that is over."""
        self._older, self._last = self._last, counts
        return counts.since(self._older)

    def so_far(self, counts: Counts) -> Counts:
        """Return what was added in this turn and the one before."""
        return counts.since(self._older)
