"""Tries a failed attempt again on another replica, until the answer is committed."""

from collections.abc import Callable
from random import Random

from grpc import StatusCode

from mcpmesh.errors import MeshError, ReplicaLost
from mcpmesh.policy.fastest import SPAN
from mcpmesh.policy.retry import Failure, GiveUp, RetryAfter, next_step
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.hedge import HedgeOutcome, Hedging
from mcpmesh.stack.held_answer import HeldAnswer
from mcpmesh.stack.layer import Crossing
from mcpmesh.stack.loop import Loop
from mcpmesh.stack.lost import Unanswered, Unsent
from mcpmesh.stack.send import Send
from mcpmesh.stack.tries import Tries


class Retrying(Crossing[Call, Attempt]):
    """Makes a call's attempts: one, and what the tool's policy allows beyond; each picks anew.

    `given_up` is told of every attempt that would be tried again but for what it says:
    (tool, why); `hedged` of second attempts beside the first: (tool, what became of it).
    """

    def __init__(
        self,
        bottom: Send,
        loop: Loop,
        rng: Random,
        given_up: Callable[[str, GiveUp], None] = lambda _tool, _why: None,
        hedged: Callable[[str, HedgeOutcome], None] = lambda _tool, _outcome: None,
    ) -> None:
        self._bottom = bottom
        self._loop = loop
        self._rng = rng
        self._given_up = given_up
        self._hedging = Hedging(loop, self._begin_rival, hedged)

    def start(self, call: Call) -> None:
        route = call.route
        if route is not None:
            load = route.load
            calls = load.calls = load.calls + 1
            if not calls % SPAN:
                load.fastest.turn(call.started)
                load.budget.look(call.started, calls)
            if route.policy.hedge is not None and is_repeatable(call):
                self._hedging.watch(call, route, route.policy.hedge)
        call.attempts = 1
        attempt = call.current = Attempt(call, self._bottom)
        self.on(attempt)

    def failed(self, attempt: Attempt, error: BaseException) -> None:
        call = attempt.call
        tries = call.tries
        if tries is not None:
            if self._hedging.is_over_without(attempt, tries):
                return
            tries.stop()
        plan = self._plan(attempt, error)
        if isinstance(plan, GiveUp):
            self._give_up(attempt, error, plan)
            return
        if tries is None:
            tries = call.tries = Tries()
        tries.free += plan.free
        if call.candidate is not None:
            call.tried = (*call.tried, call.candidate.replica.id)
        call.failure = type(error).__name__
        # Routes may have changed with the replica that was lost.
        call.route = None
        if plan.wait <= 0:
            self._again(call)
            return
        attempt.holder = self
        tries.timer = self._loop.call_at(self._loop.time() + plan.wait, lambda: self._again(call))

    def ended(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        call = attempt.call
        route = call.route
        if code is StatusCode.OK and route is not None:
            load = route.load
            fastest, took = load.fastest, attempt.took
            # As a comparison, at half the cost of min() and of a method.
            if took < fastest.shortest:  # noqa: PLR1730
                fastest.shortest = took
            if load.latency is not None:
                self._hedging.note(attempt)
        if call.tries is not None:
            call.tries.stop()
        self.end(call, code, message)

    def interrupted(self, attempt: Attempt, error: BaseException) -> None:
        """Give up a call that waits for its next attempt."""
        tries = attempt.call.tries
        assert tries is not None
        tries.stop()
        self.fail(attempt.call, error)

    def _again(self, call: Call) -> None:
        call.attempts += 1
        attempt = call.current = Attempt(call, self._bottom)
        self.on(attempt)

    def _begin_rival(self, call: Call) -> None:
        assert call.tries is not None
        rival = call.tries.rival = Attempt(call, self._bottom)
        call.tries.won = self._hedging.won
        self.on(rival)

    def _plan(self, attempt: Attempt, error: BaseException) -> RetryAfter | GiveUp:
        call = attempt.call
        failure = _failure(attempt, error)
        route = call.route
        if failure is Failure.FINAL or route is None:
            return GiveUp.FINAL
        retry, now = route.policy.retry, self._loop.time()
        plan = next_step(
            retry,
            failure,
            attempts=call.attempts,
            free=call.tries.free if call.tries is not None else 0,
            repeatable=is_repeatable(call),
            pushback_ms=attempt.held.pushback_ms if attempt.held is not None else None,
            left=call.deadline - now - route.load.fastest.seconds,
            rng=self._rng,
        )
        if isinstance(plan, GiveUp):
            return plan
        # One that moves away from a replica that does not answer puts no load on that one.
        free = plan.free or isinstance(error, Unanswered)
        load = route.load
        # While all fail, what is tried only finds out whether they still do.
        if not free and (
            load.fails
            or not load.budget.take(now, load.calls, retry.budget_share, retry.budget_per_second)
        ):
            return GiveUp.BUDGET
        if call.requests is not None and not call.requests.take_back():
            return GiveUp.REQUEST
        return plan

    def _give_up(self, attempt: Attempt, error: BaseException, why: GiveUp) -> None:
        call = attempt.call
        if why is not GiveUp.FINAL:
            self._given_up(call.tool, why)
        if _is_unavailable(attempt) and call.route is not None:
            assert attempt.held is not None
            call.route.load.note_failure(self._loop.time(), attempt.held.message)
        told = _told(call.attempts, why)
        if attempt.held is not None and not _may_be_replaced(call, attempt.held):
            self.end(call, *attempt.give(told))
        elif told and isinstance(error, MeshError):
            self.fail(call, _with(error, told))
        else:
            self.fail(call, error)


def _failure(attempt: Attempt, error: BaseException) -> Failure:
    if isinstance(error, Unsent):
        return Failure.UNSENT
    if attempt.held is not None:
        return Failure.UNAVAILABLE if _is_unavailable(attempt) else Failure.REFUSED
    return Failure.LOST if isinstance(error, ReplicaLost) else Failure.FINAL


def _is_unavailable(attempt: Attempt) -> bool:
    """Tell whether the replica itself said so."""
    return attempt.held is not None and attempt.held.code is StatusCode.UNAVAILABLE


def is_repeatable(call: Call) -> bool:
    """Tell whether a call may be acted on twice."""
    # A streamed request is partly sent and not kept, so it cannot be sent again.
    if call.route is None or call.requests is not None:
        return False
    hints = call.route.cluster.tool.annotations
    return bool(hints.idempotent or hints.read_only)


def _may_be_replaced(call: Call, held: HeldAnswer) -> bool:
    """Tell whether another tool may stand in for one that answered this."""
    route, tries = call.route, call.tries
    if route is None or route.policy.fallback is None:
        return False
    if tries is not None and tries.stand_in is not None:
        return False
    return is_repeatable(call) or held.code is StatusCode.RESOURCE_EXHAUSTED


def _told(attempts: int, why: GiveUp) -> str:
    """Say which attempt it was, and why there is no other."""
    if why is GiveUp.FINAL:
        return f" (attempt {attempts})" if attempts > 1 else ""
    return f" (attempt {attempts}; not tried again: {why.value})"


def _with(error: MeshError, told: str) -> MeshError:
    more = type(error)(error.message + told, retry_after_ms=error.retry_after_ms)
    more.__cause__ = error
    return more
