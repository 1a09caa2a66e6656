"""A point in time after which nobody waits for the answer."""

from dataclasses import dataclass

from mcpmesh.errors import InvalidCall


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """A point in time.

    Units: `at` in seconds of the clock that made it (the event loop's); infinity means never.
    """

    at: float

    @classmethod
    def after(cls, timeout: float | None, now: float) -> "Deadline":
        """Return the point `timeout` seconds after now; None means never.

        Raises: InvalidCall for a timeout that is negative or not a number.
        """
        if timeout is None:
            return NEVER
        if not timeout >= 0:
            raise InvalidCall(f"timeout {timeout} is not a number of seconds from 0 up")
        return cls(now + timeout)

    def remaining(self, now: float) -> float:
        """Return the seconds left, 0 when it has passed."""
        return max(0.0, self.at - now)

    def earlier(self, other: "Deadline") -> "Deadline":
        """Return the earlier of two: a hop may only shorten a deadline."""
        return self if self.at <= other.at else other


NEVER = Deadline(float("inf"))
