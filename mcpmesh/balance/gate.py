"""What stands before a tool that has more than a count of calls: callers' shares, rates, a queue.

The decisions are here, with `now` as an argument; `stack/admission.py` carries them out.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from mcpmesh.policy.admission import Admission, Refusal, Shed, expected_wait
from mcpmesh.policy.gradient import GradientLimit
from mcpmesh.policy.throughput import Throughput
from mcpmesh.policy.token_bucket import TokenBucket

#: Callers that are remembered without having a call in flight.
_MOST_CALLERS = 4096
#: Share of the longest wait that is left to calls behind a queue which does not empty.
_BEHIND_A_STANDING_QUEUE = 0.25
#: Share of the longest wait beyond which a wait that is expected may turn out to be too long: who
#: is refused then has waited in vain.
_SURE = 0.7
#: Seconds after which to come again while nothing is measured.
_UNMEASURED = 0.1


class Share:
    """What one caller has of a tool."""

    __slots__ = ("bucket", "in_flight")

    def __init__(self) -> None:
        self.in_flight = 0
        self.bucket = TokenBucket()


class Gate:
    """The state of one tool's admission."""

    __slots__ = (
        "_callers", "_queued_since", "_throughput", "bucket", "gradient", "letting_in",
        "settings", "waiting", "watched",
    )  # fmt: skip

    def __init__(self, settings: Admission) -> None:
        self.settings = settings
        self.bucket = TokenBucket()
        self.gradient: GradientLimit | None = None
        #: Calls that wait, the oldest first.
        self.waiting: deque[Any] = deque()
        #: Somebody lets waiting calls in already.
        self.letting_in = False
        #: Somebody sees to it that nobody waits too long.
        self.watched = False
        self._callers: dict[str, Share] = {}
        self._throughput: Throughput | None = None
        #: When the queue was last empty, while it is not.
        self._queued_since: float | None = None

    def __repr__(self) -> str:
        return f"<Gate {len(self.waiting)} waiting, {len(self._callers)} callers>"

    def limit(self, now: float) -> int:
        """Return how many calls may be in flight now."""
        settings = self.settings
        if not settings.adaptive:
            return settings.in_flight
        if self.gradient is None:
            self.gradient = GradientLimit(
                settings.in_flight, settings.least_in_flight, settings.in_flight, now
            )
        return self.gradient.now_allowed

    def share(self, caller: str, now: float) -> Share:
        """Return what a caller has; who has nothing is forgotten when there are too many."""
        share = self._callers.get(caller)
        if share is None:
            if len(self._callers) >= _MOST_CALLERS:
                self._callers = {
                    name: each
                    for name, each in self._callers.items()
                    if each.in_flight or not each.bucket.is_full(now)
                }
            share = self._callers[caller] = Share()
        return share

    def over_rate(self, share: Share | None, now: float) -> Refusal | None:
        """Refuse what is over a rate or a caller's share; else take it off the rates."""
        settings = self.settings
        if share is not None:
            most = settings.caller_in_flight
            if most and share.in_flight >= most:
                limit = f"its caller has {most} calls in flight, the most that one may have"
                return Refusal(Shed.CALLER_IN_FLIGHT, limit, _UNMEASURED)
            rate = settings.caller_rate
            if rate:
                again = share.bucket.take(now, rate, settings.caller_burst or max(1.0, rate))
                if again:
                    limit = f"its caller makes more than {rate:g} calls per second"
                    return Refusal(Shed.CALLER_RATE, limit, again)
        if settings.rate:
            burst = settings.burst or max(1.0, settings.rate)
            again = self.bucket.take(now, settings.rate, burst)
            if again:
                limit = f"it takes {settings.rate:g} calls per second"
                return Refusal(Shed.RATE, limit, again)
        return None

    def may_wait(self, left: float, finished: int, now: float) -> Refusal | None:
        """Refuse a call that should not join the queue: it is full, or the wait is too long.

        Units: `left` in seconds, until the call could not be done in time any more; `finished`
        counts calls from the beginning.
        """
        settings, ahead = self.settings, len(self.waiting)
        wait = self.expected_wait(now, finished)
        if ahead >= settings.queue:
            most = self.limit(now)
            what = "1 call is in flight" if most == 1 else f"{most} calls are in flight"
            more = f" and {ahead} wait" if ahead > 1 else " and 1 waits" if ahead else ""
            limit = f"{what}{more}, the most that may"
            return Refusal(Shed.QUEUE_FULL, limit, wait)
        if wait > self._longest_wait(now) * _SURE:
            limit = f"it would wait {wait:.3f} s for its turn"
            return Refusal(Shed.QUEUE_WAIT, limit, wait)
        if wait > left:
            limit = f"it would wait {wait:.3f} s for its turn, past its deadline"
            return Refusal(Shed.DEADLINE, limit, wait)
        if self._queued_since is None:
            self._queued_since = now
        return None

    def _longest_wait(self, now: float) -> float:
        """Return how long a call may wait: long for a burst, shortly behind a queue that stays.

        A queue that does not empty is an overload: then waiting does not help, it only adds to
        every answer. Source: controlled delay in "Fail at Scale" (Maurer, 2015), after CoDel.
        """
        longest = self.settings.queue_wait
        since = self._queued_since
        stays = since is not None and now - since > longest
        return longest * _BEHIND_A_STANDING_QUEUE if stays else longest

    def expected_wait(self, now: float, finished: int) -> float:
        """Return how long a call that comes now would wait for its turn; a guess if not known.

        Units: seconds; `finished` counts calls from the beginning.
        """
        if self._throughput is None:
            self._throughput = Throughput(now, finished)
        rate = self._throughput.per_second(now, finished)
        return expected_wait(len(self.waiting), rate) or _UNMEASURED

    def calm(self) -> None:
        """Learn that there is room: what was measured will be out of date."""
        self._throughput = None

    def emptied(self) -> None:
        """Learn that nobody waits."""
        self._queued_since = None
