"""A limit of concurrency that finds itself: as many calls at once as do not slow each other down.

After each span of answers, limit ← limit × (unhurried × (1 + tolerance)) / observed + √limit. The
unhurried time is measured now and then by letting few calls in, since under a constant load every
span is as slow as the others.
Source: Netflix concurrency-limits (gradient); Envoy's adaptive concurrency filter for the
measurement of the unhurried time.
"""

from math import sqrt

#: Answers that make a span, and seconds that it lasts at least.
_ANSWERS = 20
_SPAN = 0.1
#: Seconds between two measurements of the unhurried time.
_MEASURE_EVERY = 60.0
#: How much slower than unhurried an answer may be without a sign of too many at once.
_TOLERANCE = 0.25
#: A limit does not fall by more than this in one step.
_STEEPEST = 0.5


class GradientLimit:
    """The limit, and the answers of the present span.

    Units: seconds; `least` and `most` bound the limit.
    """

    __slots__ = (
        "_answers", "_began", "_busiest", "_measured", "_sum", "least", "limit", "most",
        "unhurried",
    )  # fmt: skip

    def __init__(self, start: int, least: int, most: int, now: float) -> None:
        self.limit = float(max(least, min(start, most)))
        self.least = least
        self.most = most
        #: Mean time of an answer with few others in flight; 0 before it is known.
        self.unhurried = 0.0
        self._measured = now
        self._busiest = 0
        self._begin(now)

    def __repr__(self) -> str:
        return f"GradientLimit({self.limit:.1f}, unhurried {self.unhurried:.6f} s)"

    @property
    def now_allowed(self) -> int:
        """How many calls may be in flight now: few, while the unhurried time is measured."""
        return self.least if not self.unhurried else int(self.limit)

    def add(self, took: float, in_flight: int, now: float) -> None:
        """Take in an answer; `in_flight` counts the calls there were with it."""
        if not self.unhurried and in_flight > self.least:
            # Of the time before the measurement.
            return
        self._sum += took
        self._answers += 1
        self._busiest = max(self._busiest, in_flight)
        if self._answers < _ANSWERS or now - self._began < _SPAN:
            return
        mean = self._sum / self._answers
        if not self.unhurried:
            self.unhurried = mean
            self._measured = now
        elif now - self._measured >= _MEASURE_EVERY:
            self.unhurried = 0.0
        else:
            self.limit = self._next(mean)
        self._begin(now)

    def _next(self, mean: float) -> float:
        gradient = min(1.0, max(_STEEPEST, self.unhurried * (1 + _TOLERANCE) / mean))
        following = self.limit * gradient + sqrt(self.limit)
        if following > self.limit and self._busiest < self.limit / 2:
            # Nobody came near the limit, so nothing is known of what is beyond.
            return self.limit
        return max(float(self.least), min(following, float(self.most)))

    def _begin(self, now: float) -> None:
        self._began = now
        self._sum = 0.0
        self._answers = 0
        self._busiest = 0
