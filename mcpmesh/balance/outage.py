"""Notices when every call of a tool fails because its replicas say that they are not available.

Then trying on and on helps nobody: each call costs the router more than a healthy one would, and
what is broken gets all of its load while it comes back. So most calls are refused at once, and
some are let through to find out whether it is over. A call that ends in any other way ends it, so
that what some callers bring about does not take a tool away from the others for longer than that.

Source: client-side throttling, "Handling Overload" in Site Reliability Engineering (Beyer et al.,
2016), with a floor, so that coming back takes no longer than the pause between two that are let
through.
"""

#: Calls that must fail one after the other, and seconds that this must last at least.
_CALLS = 100
_LONG = 0.5


class Outage:
    """Calls of a tool that failed in a row.

    Nothing is counted for calls that end well: whoever asks tells how many ended in all.
    Units: seconds of one clock.
    """

    __slots__ = ("_ended", "_failed", "_next", "_since", "reason", "said", "untried")

    def __init__(self) -> None:
        #: What the last one failed with.
        self.reason = ""
        #: What those are told that are not tried, and after how many ms to come again.
        self.said: tuple[str, int] = ("", 0)
        #: Calls that were not tried and are not counted yet.
        self.untried = 0
        self._failed = 0
        self._since = 0.0
        # Calls that will have ended when the last of them has.
        self._ended = -1
        self._next = 0.0

    def __repr__(self) -> str:
        return f"<Outage of {self._failed} calls: {self.reason}>"

    def note(self, ended: int, now: float, reason: str) -> bool:
        """Learn of a call that is about to fail; tell whether all of late do.

        Units: `ended` calls before it, from the beginning.
        """
        if ended != self._ended:
            self._failed, self._since = 0, now
        self._failed += 1
        self._ended = ended + 1
        self.reason = reason
        return self._failed >= _CALLS and now - self._since >= _LONG

    def is_over(self, ended: int) -> bool:
        """Tell whether some call ended in another way since the last that failed."""
        return ended != self._ended

    def lets_through(self, now: float, per_second: float) -> bool:
        """Tell whether a call may find out, and count it."""
        if now < self._next:
            return False
        self._next = now + 1.0 / per_second
        self.said = ("", 0)
        return True
