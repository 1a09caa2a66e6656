"""How many retries a tool's calls may cause in all: a share of the calls, and a few besides.

Retries of single calls are sensible and their sum is not: when everything fails, three attempts
per call are three times the load on what is broken.
Source: Finagle's RetryBudget, with its defaults.
"""

from math import exp

#: Seconds in which what counts fades to 1/e. It fades, instead of ending at once, so that no
#: history is kept; and 5 s make it on average as old as in a window of the 10 s that Finagle has.
WINDOW = 5.0


class RetryBudget:
    """Calls and retries of late.

    Calls are counted elsewhere, which costs a call the least. When they came is only asked when
    there is something to retry: evenly since it was asked the last time.
    """

    __slots__ = ("_at", "_calls", "_faded_calls", "_faded_retries")

    def __init__(self) -> None:
        self._calls = 0
        self._faded_calls = 0.0
        self._faded_retries = 0.0
        # When it was asked or told the last time; None for never.
        self._at: float | None = None

    def __repr__(self) -> str:
        return f"RetryBudget({self._faded_retries:.1f} of {self._faded_calls:.1f} calls)"

    def take(self, now: float, calls: int, share: float, per_second: float) -> bool:
        """Take a retry out of the budget; False when it is spent.

        Units: `now` in seconds; `calls` as counted from the beginning; retries may be `share` of
        the calls, and `per_second` besides.
        """
        self._fade(now, calls)
        allowed = share * self._faded_calls + per_second * WINDOW
        if self._faded_retries + 1 > allowed:
            return False
        self._faded_retries += 1
        return True

    def look(self, now: float, calls: int) -> None:
        """Learn of calls although there is nothing to retry; now and then is enough.

        What came before the first time counts as if it came just now: nobody knows when it did.
        """
        self._fade(now, calls)

    def _fade(self, now: float, calls: int) -> None:
        passed = 0.0 if self._at is None else (now - self._at) / WINDOW
        self._at = now
        fresh = calls - self._calls
        self._calls = calls
        if passed <= 0:
            self._faded_calls += fresh
            return
        kept = exp(-passed)
        # What came evenly over the time that passed has faded by this on average.
        self._faded_calls = self._faded_calls * kept + fresh * (1 - kept) / passed
        self._faded_retries *= kept
