"""Notices when every call of a tool fails because its replicas say that they are not available.

Then trying on and on helps nobody: each call costs the router more than a healthy one would, and
what is broken gets all of its load while it comes back. So most calls are refused at once, and
some are let through to find out whether it is over. A call that ends in any other way ends it, so
that what some callers bring about does not take a tool away from the others for longer than that.

Source: client-side throttling, "Handling Overload" in Site Reliability Engineering (Beyer et al.,
2016), with a floor, so that coming back takes no longer than the pause between two that are let
through.
"""

from random import Random

from mcpmesh.errors import NoReplica

#: Calls that must fail one after the other, and seconds that this must last at least.
_CALLS = 50
_LONG = 0.25
#: Calls in a row after which one that fails is not tried again.
_LIKELY = 20
#: Who is refused is to come again after a time between these.
_PUSHBACK_MS = (500, 1500)


class Outage:
    """Calls of a tool that failed in a row.

    Nothing is counted for calls that end well: whoever asks tells how many ended in all.
    Units: seconds of one clock.
    """

    __slots__ = ("_ended", "_failed", "_next", "_since", "reason", "said")

    def __init__(self) -> None:
        #: What the last one failed with.
        self.reason = ""
        #: What was said since the last was let through.
        self.said: tuple[str, int] | None = None
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

    def is_likely(self, ended: int) -> bool:
        """Tell whether so many failed in a row that trying one of them again helps nobody."""
        return self._failed >= _LIKELY and ended == self._ended

    def is_over(self, ended: int) -> bool:
        """Tell whether some call ended in another way since the last that failed."""
        return ended != self._ended

    def refuses(self, ended: int, now: float) -> bool:
        """Tell whether a call is not to be tried."""
        return now < self._next and ended == self._ended

    def let_through(self, now: float, per_second: float) -> None:
        """Learn that a call finds out whether it is over; the next one may so many per second."""
        self._next = now + 1.0 / per_second
        self.said = None

    def say(self, tool: str, rng: Random) -> tuple[str, int]:
        """Return what those are told that are not tried, and after how many ms to come again."""
        if self.said is None:
            # The same for all until the next is let through: what repeats is written once.
            pushback = int(rng.uniform(*_PUSHBACK_MS))
            self.said = (
                f"{tool}: all of its last calls failed, so this one was not tried; the last one "
                f"with: {self.reason or 'no reason'}; try again in {pushback / 1000:g} s",
                pushback,
            )
        return self.said

    def refusal(self, tool: str, rng: Random) -> NoReplica:
        """Return what a call that is not tried fails with."""
        message, pushback = self.say(tool, rng)
        return NoReplica(message, retry_after_ms=pushback)
