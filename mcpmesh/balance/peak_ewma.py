"""How long a replica takes: a moving average that rises at once and falls slowly.

A peak counts at once; what is better counts the more, the longer it is since the last answer. With
no answers at all the estimate decays towards zero, so that a replica which was slow is tried again.
An attempt that failed never makes a replica look faster: one that fails fast would draw all calls.

Source: Finagle's PeakEwma, Linkerd.
"""

from math import exp


class PeakEwma:
    """A replica's round trip for one tool; a Load.

    Pickers read it themselves: `value * exp((now - since) * rate)` is the estimate by now.
    Units: seconds; `rate` per second, negative.
    """

    __slots__ = ("rate", "since", "value")

    def __init__(self, decay: float, first: float, now: float = 0.0) -> None:
        self.rate = -1.0 / decay
        self.value = first
        self.since = now

    def __repr__(self) -> str:
        return f"<PeakEwma {self.value:.6f} s>"

    def at(self, now: float) -> float:
        """Return the estimate as it has decayed by now."""
        return self.value * exp((now - self.since) * self.rate)

    def ended(self, now: float, duration: float, failed: bool) -> None:
        """Learn of an attempt that ended."""
        if duration >= self.value:
            self.value = duration
        elif not failed:
            kept = exp((now - self.since) * self.rate)
            self.value = self.value * kept + duration * (1.0 - kept)
        self.since = now
