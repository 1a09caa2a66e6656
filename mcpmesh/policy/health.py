"""All that decides over the health of a router's replicas."""

from dataclasses import dataclass, field
from math import inf

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.active_check import ActiveCheck
from mcpmesh.policy.outlier import Outlier
from mcpmesh.policy.slow_start import SlowStart


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """When replicas are left out, and how they come back: the [health] table of a router.

    Raises: InvalidCall.
    """

    outlier: Outlier = field(default_factory=Outlier)
    """Who is ejected, for how long, and how it proves itself."""
    slow_start: SlowStart = field(default_factory=SlowStart)
    """What a replica takes of its calls that is new, or returns."""
    panic_ratio: float = 0.5
    """The share of healthy replicas of a tool below which health is ignored; 0 for never."""
    slower: float = 2.0
    """How many times as long as its peers a replica may take; one that takes longer counts, for
    policy p2c, as having that many times its calls in flight. 0 for no difference."""
    check: ActiveCheck = field(default_factory=ActiveCheck)
    """Whether replicas are asked for their health, by grpc.health.v1, and how often."""
    silence: float = 1.5
    """Seconds without a byte, half of them after a PING, from which on a replica that has calls
    gets no more, and those that may be repeated are tried elsewhere; 0 for never."""
    keepalive: float = 10.0
    """Seconds after an unanswered PING until the connection is ended, and every call on it."""

    def __post_init__(self) -> None:
        if not 0 <= self.panic_ratio <= 1:
            raise InvalidCall(f"panic_ratio {self.panic_ratio} is not 0 to 1")
        if self.slower and not 1 <= self.slower < inf:
            raise InvalidCall(f"slower {self.slower} is not 0, nor 1 or more")
        if not 0 <= self.silence < inf:
            raise InvalidCall(f"silence {self.silence} is not a number of seconds from 0 up")
        if not self.silence < self.keepalive < inf:
            raise InvalidCall(
                f"keepalive {self.keepalive} is not longer than silence, which is {self.silence}"
            )
