"""What we think of a replica: whether it takes its share of calls, a few on trial, or none."""

from enum import Enum

from mcpmesh.policy.blame import Verdict
from mcpmesh.policy.slow_start import SlowStart

#: Seconds after which another trial call may go to a replica whose last one has not ended.
_NEXT_TRIAL = 5.0


class Condition(Enum):
    """Where a replica is on its way out of and back into its share of calls."""

    HEALTHY = "HEALTHY"
    #: Takes a share that rises.
    SLOW_START = "SLOW_START"
    #: Takes one call at a time, to prove itself.
    PROBATION = "PROBATION"
    #: Takes none until its time is over.
    EJECTED = "EJECTED"


_MOVES: dict[Condition, frozenset[Condition]] = {
    Condition.HEALTHY: frozenset((Condition.SLOW_START, Condition.PROBATION, Condition.EJECTED)),
    Condition.SLOW_START: frozenset(Condition),
    Condition.PROBATION: frozenset((Condition.SLOW_START, Condition.EJECTED)),
    Condition.EJECTED: frozenset((Condition.PROBATION,)),
}


class Health:
    """A replica's condition, and what two other witnesses say of it.

    Units: times in seconds of one clock, which whoever calls gives; `share` 0 to 1.
    """

    __slots__ = (
        "_passed", "_tried", "condition", "ejections", "reason", "refused", "share",
        "silent", "since", "trials", "until",
    )  # fmt: skip

    def __init__(self) -> None:
        self.condition = Condition.HEALTHY
        #: When the condition began, and when an ejection ends.
        self.since = self.until = 0.0
        #: Ejections in close sequence; time without one takes them back.
        self.ejections = 0
        #: Why the condition is what it is.
        self.reason = ""
        #: Calls that may be tried now; pickers count it down.
        self.trials = 0
        #: What it takes of its calls while it starts slowly.
        self.share = 1.0
        #: It leaves PINGs unanswered.
        self.silent = False
        #: What an active check holds against it; empty for nothing.
        self.refused = ""
        self._passed = 0
        self._tried = 0.0

    def __repr__(self) -> str:
        return f"<Health {self.label} {self.reason}>"

    @property
    def fit(self) -> bool:
        """Tell whether it takes its share of calls, be it a rising one."""
        takes = self.condition is Condition.HEALTHY or self.condition is Condition.SLOW_START
        return takes and not self.silent and not self.refused

    @property
    def on_trial(self) -> bool:
        """Tell whether it takes a call now and then."""
        return self.condition is Condition.PROBATION and not self.silent and not self.refused

    @property
    def label(self) -> str:
        """The condition in a word, for people; what keeps all calls away comes first."""
        if self.silent:
            return "SILENT"
        if self.refused and self.condition is not Condition.EJECTED:
            return "UNHEALTHY"
        return self.condition.value

    # What happens

    def eject(self, now: float, seconds: float, reason: str) -> None:
        """Leave it out for so many seconds."""
        self._move(Condition.EJECTED, now, reason)
        self.ejections += 1
        self.until = now + seconds

    def put_on_probation(self, now: float, reason: str) -> None:
        """Let it prove itself; one that is ejected sits out its time first."""
        if self.condition is Condition.EJECTED:
            return
        if self.condition is not Condition.PROBATION:
            self._move(Condition.PROBATION, now, reason)
        self._passed = 0
        self._allow_trial(now)

    def start_slowly(self, now: float, ramp: SlowStart, reason: str) -> None:
        """Give it a small share that rises."""
        self._move(Condition.SLOW_START, now, reason)
        self.share = ramp.share(0.0)
        if self.share == 1.0:
            self._recover(now)

    def try_out(self, verdict: Verdict, now: float, trials: int) -> bool | None:
        """Take in how a call ended during probation; tell whether it passed, or failed.

        None: not decided yet.
        """
        if verdict is Verdict.FAILURE:
            return False
        if verdict is Verdict.SUCCESS:
            self._passed += 1
            if self._passed >= trials:
                return True
        self._allow_trial(now)
        return None

    def step(self, now: float, ramp: SlowStart) -> bool:
        """Do what time has brought; tell whether other calls go to it now."""
        if self.condition is Condition.EJECTED:
            if now < self.until:
                return False
            self._move(Condition.PROBATION, now, self.reason)
            self._passed = 0
            self._allow_trial(now)
            return True
        if self.condition is Condition.SLOW_START:
            self.share = ramp.share(now - self.since)
            if self.share < 1.0:
                return False
            self._recover(now)
            return True
        if self.condition is Condition.PROBATION and now - self._tried >= _NEXT_TRIAL:
            self._allow_trial(now)
        return False

    def forgive(self) -> None:
        """Take one ejection back: an interval has passed without."""
        if self.condition is Condition.HEALTHY and self.ejections:
            self.ejections -= 1

    def _allow_trial(self, now: float) -> None:
        self.trials = 1
        self._tried = now

    def _recover(self, now: float) -> None:
        self._move(Condition.HEALTHY, now, "")
        self.share = 1.0

    def _move(self, to: Condition, now: float, reason: str) -> None:
        assert to in _MOVES[self.condition], f"{self.condition.value} to {to.value}"
        self.condition, self.since, self.reason = to, now, reason
