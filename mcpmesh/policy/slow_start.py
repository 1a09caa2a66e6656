"""What share of its calls a replica takes that is new, or returns.

Its caches are cold and its code is not compiled yet; and all load estimates say that it is idle.
Source: Envoy's slow start.
"""

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from mcpmesh.errors import InvalidCall


@dataclass(frozen=True, slots=True)
class SlowStart:
    """A ramp.

    `slow_start = 10` stands for `slow_start = { window = 10 }`.
    Raises: InvalidCall.
    """

    SHORT: ClassVar[str] = "window"

    window: float = 10.0
    """Seconds until the replica takes all of its share; 0 for at once."""
    least: float = 0.1
    """What it takes of its share in the beginning, above 0 and up to 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.window < inf:
            raise InvalidCall(f"window {self.window} is not a number of seconds from 0 up")
        if not 0 < self.least <= 1:
            raise InvalidCall(f"least {self.least} is not above 0 and up to 1")

    def share(self, elapsed: float) -> float:
        """Return the share after so many seconds; 1 when the ramp is over."""
        if elapsed >= self.window:
            return 1.0
        return max(self.least, elapsed / self.window)
