"""What a balancing policy learns of one replica's attempts at one tool."""

from typing import Protocol


class Load(Protocol):
    """Hears of attempts; stands in the candidate, so that it outlives pickers."""

    def ended(self, now: float, duration: float, failed: bool) -> None:
        """Learn that an attempt ended; called once for each.

        `failed`: with anything but status OK, given up ones included.
        Units: seconds of the clock that picks are told.
        """
        ...
