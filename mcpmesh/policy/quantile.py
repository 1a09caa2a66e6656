"""A quantile of the durations of late, in fixed memory."""

from math import log

#: Seconds. Durations below the first bound are one bucket; each further one is 5 % wider, so an
#: estimate is at most so much too long. The last begins at some minutes.
_FIRST = 0.0005
_GROWTH = 1.05
_BUCKETS = 280
_SCALE = 1 / log(_GROWTH)
#: Seconds of a span; the one before it counts too.
_SPAN = 10.0
#: Durations until something is known, and after which it is worked out anew.
_LEAST = 50
_STEP = 50


class RecentQuantile:
    """The quantile of what was taken in during the last 10 to 20 seconds.

    Units: seconds; `value` is 0 while fewer than 50 durations are known.
    """

    __slots__ = ("_before", "_counts", "_due", "_turned", "quantile", "value")

    def __init__(self, quantile: float) -> None:
        self.quantile = quantile
        self.value = 0.0
        self._counts = [0] * _BUCKETS
        self._before = [0] * _BUCKETS
        self._turned = 0.0
        self._due = _STEP

    def __repr__(self) -> str:
        return f"RecentQuantile({self.quantile}: {self.value:.6f})"

    def add(self, duration: float, now: float) -> None:
        """Take in a duration; `now` need not be exact."""
        if now - self._turned > _SPAN:
            self._turn(now)
        place = 0 if duration < _FIRST else 1 + int(log(duration / _FIRST) * _SCALE)
        self._counts[min(place, _BUCKETS - 1)] += 1
        self._due -= 1
        if self._due <= 0:
            self._due = _STEP
            self.value = self._worked_out()

    def _turn(self, now: float) -> None:
        # After a long pause nothing of before counts.
        empty = now - self._turned > 2 * _SPAN
        self._before = [0] * _BUCKETS if empty else self._counts
        self._counts = [0] * _BUCKETS
        self._turned = now
        if empty:
            self.value = 0.0
            self._due = _LEAST

    def _worked_out(self) -> float:
        total = sum(self._counts) + sum(self._before)
        wanted = self.quantile * total
        passed = 0
        for place, (now, before) in enumerate(zip(self._counts, self._before, strict=True)):
            passed += now + before
            if passed >= wanted:
                return _FIRST * _GROWTH**place
        raise AssertionError("the counts do not add up")
