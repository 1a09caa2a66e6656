"""Which calls are taken, which wait, and which are refused for load."""

from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import ClassVar

from mcpmesh.errors import InvalidCall

_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Admission:
    """Settings of a tool's admission; each router counts for itself.

    Raises: InvalidCall naming the setting.
    """

    #: `admission = 100` stands for `admission = { in_flight = 100 }`.
    SHORT: ClassVar[str] = "in_flight"

    in_flight: int = 1024
    """Most calls of the tool at once; more have to wait."""
    queue: int = 128
    """Most calls that wait for others to end; 0 refuses at once."""
    queue_wait: float = 0.25
    """Seconds that a call is let wait; what would take longer, as measured, is refused at once, \
and behind a queue that does not empty what would take a quarter of it."""
    rate: float = 0.0
    """Calls of the tool that may begin per second; 0 for any number."""
    burst: int = 0
    """Calls that may begin at once after a pause; 0 for one second's worth."""
    caller_in_flight: int = 0
    """Most calls of the tool at once by one caller; 0 for any number."""
    caller_rate: float = 0.0
    """Calls of the tool that one caller may begin per second; 0 for any number."""
    caller_burst: int = 0
    """Calls that one caller may begin at once after a pause; 0 for one second's worth."""
    caller_header: str = ""
    """Header that names the caller, for networks where it can be trusted; empty: the name that \
its certificate proves, else its address."""
    probes: float = 10.0
    """Calls per second that are let through while every call fails with UNAVAILABLE (50 in a row, \
for a quarter of a second or longer); the others fail at once. 0 lets all through."""
    adaptive: bool = False
    """Find the most calls at once by measuring how long they take, between least_in_flight and \
in_flight."""
    least_in_flight: int = 8
    """With adaptive, the fewest calls that are allowed at once."""

    def __post_init__(self) -> None:
        for name in ("in_flight", "least_in_flight"):
            self._check(name, getattr(self, name), 1)
        for name in ("queue", "burst", "caller_in_flight", "caller_burst"):
            self._check(name, getattr(self, name), 0)
        for name in ("queue_wait", "rate", "caller_rate", "probes"):
            value = getattr(self, name)
            if not (isfinite(value) and 0 <= value <= _MOST):
                raise InvalidCall(f"{name} {value} is not 0 to {_MOST}")
        if self.adaptive and self.least_in_flight > self.in_flight:
            raise InvalidCall(
                f"least_in_flight {self.least_in_flight} is above in_flight {self.in_flight}"
            )
        if self.caller_header != self.caller_header.lower():
            raise InvalidCall(f"caller_header {self.caller_header!r} is not in lower case")

    def _check(self, name: str, value: int, least: int) -> None:
        if not least <= value <= _MOST:
            raise InvalidCall(f"{name} {value} is not {least} to {_MOST}")

    @property
    def only_counts(self) -> bool:
        """Tell whether there is nothing to ask but how many calls are in flight."""
        return not (self.rate or self.caller_in_flight or self.caller_rate or self.adaptive)

    @property
    def knows_callers(self) -> bool:
        """Tell whether callers are told apart."""
        return bool(self.caller_in_flight or self.caller_rate)


class Shed(Enum):
    """Why a call was refused for load; the values are labels of metrics."""

    QUEUE_FULL = "queue_full"
    QUEUE_WAIT = "queue_wait"
    DEADLINE = "deadline"
    RATE = "rate"
    CALLER_IN_FLIGHT = "caller_in_flight"
    CALLER_RATE = "caller_rate"
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call is refused: why, a sentence about the limit, and when to come again.

    Units: `again` in seconds.
    """

    why: Shed
    limit: str
    again: float


def expected_wait(ahead: int, per_second: float) -> float:
    """Return how long a call waits with so many ahead of it; 0 while nothing is measured.

    Units: seconds; `per_second` calls that are finished.
    """
    return (ahead + 1) / per_second if per_second > 0 else 0.0
