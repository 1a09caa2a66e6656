"""How many calls are finished per second, measured only while somebody waits for one to finish."""

#: Seconds of one measurement; the one before it counts until the next is half done.
_SPAN = 0.5
#: Seconds and calls below which a measurement says nothing.
_LEAST = 0.02
_LEAST_CALLS = 4


class Throughput:
    """Finished calls per second, of late.

    Nothing is done per call: whoever asks says how many were finished from the beginning.
    """

    __slots__ = ("_at", "_before", "_finished")

    def __init__(self, now: float, finished: int) -> None:
        self._at = now
        self._finished = finished
        #: The rate of the span before; 0 when it is not known.
        self._before = 0.0

    def per_second(self, now: float, finished: int) -> float:
        """Return the rate; 0 while it is not known.

        Units: `now` in seconds; `finished` counts from the beginning.
        """
        passed = now - self._at
        count = finished - self._finished
        if passed >= 2 * _SPAN:
            # Nobody asked for long; what was before is out of date.
            self._before = 0.0
        if passed < _LEAST or count < _LEAST_CALLS:
            return self._before
        rate = count / passed
        if passed < _SPAN:
            # In between, the younger a measurement the less it counts.
            return (
                rate
                if not self._before
                else self._before + (rate - self._before) * (passed / _SPAN)
            )
        self._at, self._finished, self._before = now, finished, rate
        return rate
