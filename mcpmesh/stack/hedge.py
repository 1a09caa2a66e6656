"""Gives a call that takes long a second attempt beside the first; whoever answers first wins."""

import asyncio
from collections.abc import Callable
from enum import Enum

from mcpmesh.balance.balancer import Route
from mcpmesh.policy.hedge import Hedge, hedge_after
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.loop import Loop
from mcpmesh.stack.tries import Tries


class HedgeOutcome(Enum):
    """What became of a second attempt; the values are labels of metrics."""

    WON = "won"
    LOST = "lost"
    FAILED = "failed"
    #: The first attempt failed while it was under way.
    TOOK_OVER = "took_over"
    #: It was not begun: too many calls of the tool have further attempts already.
    BUDGET = "budget"


class Hedging:
    """Begins second attempts for the retry layer, and takes their ends.

    `begin` begins an attempt of a call, `told` is told of what became of each: (tool, outcome).
    """

    def __init__(
        self,
        loop: Loop,
        begin: Callable[[Call], None],
        told: Callable[[str, HedgeOutcome], None],
    ) -> None:
        self._loop = loop
        self._begin = begin
        self._told = told

    def watch(self, call: Call, route: Route, hedge: Hedge) -> None:
        """Have a call hedged when it takes longer than others, if it may have two attempts."""
        after = hedge_after(hedge, route.load.typical(hedge.quantile).value)
        if after is None or len(route.picker.candidates) < 2:
            return
        if call.tries is None:
            call.tries = Tries()
        tries = call.tries
        at = self._loop.time() + after
        if at < call.deadline:
            tries.timer = self._loop.call_at(at, lambda: self._hedge(call, route))

    def _hedge(self, call: Call, route: Route) -> None:
        first, tries = call.current, call.tries
        assert tries is not None
        if not isinstance(first, Attempt) or first.committed or first.stream is None:
            # It is answered, or waits for a replica: a second attempt would wait beside it.
            return
        retry, load = route.policy.retry, route.load
        if not load.budget.take(
            self._loop.time(), load.calls, retry.budget_share, retry.budget_per_second
        ):
            self._told(call.tool, HedgeOutcome.BUDGET)
            return
        # Elsewhere, if there is an elsewhere.
        call.tried = (*call.tried, first.candidate.replica.id)
        call.attempts += 1
        self._begin(call)

    def is_over_without(self, attempt: Attempt, tries: Tries) -> bool:
        """Take the failure of one of two attempts; True when the call goes on with the other.

        An attempt that is neither any more lost, and is told of its end.
        """
        call = attempt.call
        rival = tries.rival
        if rival is None:
            if call.current is attempt:
                return False
            # It would have taken longer; without it the slow ones would not be in the measure.
            self.note(attempt)
            if attempt.stream is not None:
                attempt.candidate.outrun_seconds += attempt.took
            return True
        tries.rival = None
        if attempt is rival:
            self._told(call.tool, HedgeOutcome.FAILED)
            assert isinstance(call.current, Attempt)
            call.candidate = call.current.candidate
        else:
            self._told(call.tool, HedgeOutcome.TOOK_OVER)
            call.current = rival
        return True

    def note(self, attempt: Attempt) -> None:
        """Take in how long an attempt took, for a tool that is hedged."""
        route = attempt.call.route
        if route is not None and route.load.latency is not None and attempt.stream is not None:
            route.load.latency.add(attempt.took, attempt.call.started)

    def won(self, attempt: Attempt) -> None:
        """Let the one of two attempts that answers have the call, and end the other."""
        call = attempt.call
        tries, first = call.tries, call.current
        assert tries is not None
        assert isinstance(first, Attempt)
        rival, tries.rival = tries.rival, None
        assert rival is not None
        call.current, call.candidate = attempt, attempt.candidate
        self._told(call.tool, HedgeOutcome.WON if attempt is rival else HedgeOutcome.LOST)
        loser = first if attempt is rival else rival
        loser.interrupt(asyncio.CancelledError("another attempt was faster"))
