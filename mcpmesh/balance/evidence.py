"""What was measured of one tool, and what that lets us expect of its next answer.

An answer is worth the product of three quantities between 0 and 1: whether it comes (success),
whether it is right (accuracy, by what callers said), and how little it is waited for (speed:
patience / (patience + seconds)). Each is believed as a distribution:
- success and accuracy a Beta distribution, from Beta(1, 1): nothing known, anything possible.
  Scores between 0 and 1 count as parts of a success.
- the logarithm of the seconds a normal one: of times that are multiplied by many small causes.
  A tool that was never waited for is taken to be like its equals, give or take a factor of e.
Calls that are under way at a tool that ended none for long are taken to have failed, and what was
before counts no more than they do, for as long as it ends none: a tool that hangs would else get
calls until the first deadline passes.
Accuracy says nothing until somebody judged an answer of some tool of the capability; then the
tools that nobody judged are uncertain.
Source: Agrawal and Goyal, "Analysis of Thompson Sampling for the Multi-armed Bandit Problem"
(COLT 2012), for Beta distributions and rewards between 0 and 1.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random

from mcpmesh.balance.faded import Faded
from mcpmesh.model.estimate import Estimate
from mcpmesh.policy.choosing import Choosing

#: Bounds so many standard deviations off hold nine in ten of a normal distribution.
_NINE_IN_TEN = 1.645
#: A tool is taken to hang when it ended no call for so many times what its calls take, and for the
#: time of patience besides.
_HANGS_AFTER = 4.0
#: Where nothing at all is known of a time.
_LOG_DEVIATION = 1.0
_SHORTEST = 1e-6
#: Seconds of which no exponential overflows.
_MOST_LOG = 50.0


class Evidence:
    """What is known of one tool; everything fades as the settings say."""

    __slots__ = (
        "_quiet_since", "_settings", "accuracy", "calls", "in_flight", "seconds", "success",
    )  # fmt: skip

    def __init__(self, settings: Choosing) -> None:
        self._settings = settings
        #: Calls that were sent to it, ever.
        self.calls = 0
        #: Those of them that have not ended.
        self.in_flight = 0
        # When it last ended a call, or began one with none under way.
        self._quiet_since = 0.0
        memory, half_life = settings.memory, settings.half_life
        self.success = Faded(memory, half_life)
        self.accuracy = Faded(memory, half_life)
        #: Logarithms of the seconds of answers that came.
        self.seconds = Faded(memory, half_life)

    def __repr__(self) -> str:
        return f"<Evidence {self.calls} calls, success {self.success!r}>"

    def began(self, now: float) -> None:
        """Note that a call was sent to it."""
        if not self.in_flight:
            self._quiet_since = now
        self.calls += 1
        self.in_flight += 1

    def ended(self, seconds: float, good: bool | None, now: float) -> None:
        """Take in how a call ended, and after how long; a failure's time says nothing.

        `good` is None for an end that is not the tool's doing.
        """
        self.in_flight = max(0, self.in_flight - 1)
        self._quiet_since = now
        if good is None:
            return
        self.success.add(float(good), now)
        if good:
            self.seconds.add(log(max(seconds, _SHORTEST)), now)

    def rated(self, score: float, now: float) -> None:
        """Take in how right an answer was, 0 to 1."""
        self.accuracy.add(score, now)

    def hanging(self, usual: float | None, now: float) -> int:
        """Return how many calls hang; `usual` is the logarithm of what calls take elsewhere."""
        if not self.in_flight:
            return 0
        known = self.seconds.total / self.seconds.count if self.seconds.count > 0 else usual
        patience = self._settings.patience
        expected = patience if known is None else exp(min(known, _MOST_LOG))
        quiet = now - self._quiet_since
        return self.in_flight if quiet > _HANGS_AFTER * expected + patience else 0

    def fade(self, now: float) -> None:
        """Let time pass."""
        self.success.fade(now)
        self.accuracy.fade(now)
        self.seconds.fade(now)


@dataclass(frozen=True, slots=True)
class Belief:
    """What one tool's evidence lets us expect.

    Shape: Beta distributions as their two parameters, `accuracy` None when nobody judges; the
    mean of the seconds' logarithm and its deviation, None when no tool was ever waited for.
    """

    success: tuple[float, float]
    accuracy: tuple[float, float] | None
    seconds: tuple[float, float] | None
    patience: float

    @property
    def mean(self) -> float:
        """Return what the next answer is worth as far as is known."""
        worth = _mean(self.success)
        if self.accuracy is not None:
            worth *= _mean(self.accuracy)
        if self.seconds is not None:
            worth *= self._speed(self.seconds[0])
        return worth

    def draw(self, rng: Random) -> float:
        """Return what it may be worth, drawn as likely as it is."""
        worth = rng.betavariate(*self.success)
        if self.accuracy is not None:
            worth *= rng.betavariate(*self.accuracy)
        if self.seconds is not None:
            worth *= self._speed(rng.gauss(*self.seconds))
        return worth

    def worth(self) -> Estimate:
        """Return the worth with its bounds, by the deviations of its factors."""
        mean = self.mean
        relative = (_deviation(self.success) / _mean(self.success)) ** 2
        if self.accuracy is not None:
            relative += (_deviation(self.accuracy) / _mean(self.accuracy)) ** 2
        if self.seconds is not None:
            centre, deviation = self.seconds
            relative += ((1.0 - self._speed(centre)) * deviation) ** 2
        return _within(mean, mean * sqrt(relative))

    def estimates(self) -> tuple[Estimate, Estimate | None, Estimate | None]:
        """Return success, accuracy and seconds, with their bounds."""
        accuracy = seconds = None
        if self.accuracy is not None:
            accuracy = _within(_mean(self.accuracy), _deviation(self.accuracy))
        if self.seconds is not None:
            centre, deviation = self.seconds
            off = _NINE_IN_TEN * deviation
            seconds = Estimate(exp(centre), exp(centre - off), exp(centre + off))
        return _within(_mean(self.success), _deviation(self.success)), accuracy, seconds

    def _speed(self, log_seconds: float) -> float:
        return self.patience / (self.patience + exp(min(log_seconds, _MOST_LOG)))


def beliefs(known: list[Evidence], settings: Choosing, now: float) -> list[Belief]:
    """Return what is to be expected of each tool of a capability now."""
    for each in known:
        each.fade(now)
    judged = any(each.accuracy.count > 0.5 for each in known)
    waited = sum(each.seconds.count for each in known)
    usual = sum(each.seconds.total for each in known) / waited if waited > 0 else None
    return [
        Belief(
            _beta(each.success, each.hanging(usual, now)),
            _beta(each.accuracy) if judged else None,
            _log_normal(each.seconds, usual) if usual is not None else None,
            settings.patience,
        )
        for each in known
    ]


def _beta(seen: Faded, hanging: int = 0) -> tuple[float, float]:
    good, bad = seen.total, max(0.0, seen.count - seen.total)
    if hanging:
        good, bad = min(good, hanging), bad + hanging
    return 1.0 + good, 1.0 + bad


def _log_normal(seen: Faded, usual: float) -> tuple[float, float]:
    """Return the mean and its deviation; what is usual counts like one answer."""
    count = seen.count + 1.0
    mean = (seen.total + usual) / count
    spread = max(0.0, seen.squares - 2.0 * mean * seen.total + mean * mean * seen.count)
    return mean, sqrt((spread + _LOG_DEVIATION) / count / count)


def _mean(beta: tuple[float, float]) -> float:
    return beta[0] / (beta[0] + beta[1])


def _deviation(beta: tuple[float, float]) -> float:
    mean = _mean(beta)
    return sqrt(mean * (1.0 - mean) / (beta[0] + beta[1] + 1.0))


def _within(mean: float, deviation: float) -> Estimate:
    off = _NINE_IN_TEN * deviation
    return Estimate(mean, max(0.0, mean - off), min(1.0, mean + off))
