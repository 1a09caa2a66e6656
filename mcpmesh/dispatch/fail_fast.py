"""Refuses calls that would be refused further down: their tool cannot answer.

When all replicas of a tool fail, its callers go on calling, so a refusal is to cost a fraction of
what a healthy call does. It is counted, traced, measured, logged and told as the layers do it, and
what only matters to a call that goes on is left out: a deadline, a place, an attempt.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from mcpmesh.balance.balancer import Route
from mcpmesh.dispatch.observe import ObserveCalls
from mcpmesh.errors import NoReplica
from mcpmesh.policy.admission import Shed
from mcpmesh.stack.absence import absence
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Top
from mcpmesh.stack.untried import Untried
from mcpmesh.telemetry.cells import NumberCell
from mcpmesh.telemetry.metrics import Counter

_REMEMBERED = 1024


class _Refusal(NamedTuple):
    """What calls of a tool are told while `why` is the same object; `shed` counts them."""

    why: object
    untried: Untried
    shed: NumberCell | None


class FailFast:
    """Lets calls begin in the stack, but those of tools all of whose replicas fail, or are gone.

    Left to the stack are a tool that another one may stand in for, and a call that no rule allows:
    `lets` tells which are, where there are rules. `shed` counts calls that are not tried since all
    before them failed.
    """

    def __init__(
        self,
        stack: Top[Call],
        observe: ObserveCalls,
        clock: Callable[[], float],
        rng: Random,
        shed: Counter,
        lets: Callable[[Call], bool] | None = None,
    ) -> None:
        self._start = stack.start
        self._observe = observe
        self._clock = clock
        self._rng = rng
        self._shed = shed
        self._lets = lets
        self._refusals: dict[str, _Refusal] = {}

    def start(self, call: Call) -> None:
        """Let a call begin, or refuse it."""
        route = call.route
        if route is None or (route.load.limit and route.picker.candidates):
            # The way of nearly every call.
            self._start(call)
            return
        untried = None if self._is_for_the_stack(call, route) else self._why_not(call, route)
        if untried is None:
            self._start(call)
            return
        self._observe.refused(call, untried.error)
        call.over = True
        call.untried(untried)
        call.ended()

    def _is_for_the_stack(self, call: Call, route: Route) -> bool:
        """Tell whether another tool may stand in, or the caller may not know what is said."""
        if route.policy.fallback is not None:
            return True
        return self._lets is not None and not self._lets(call)

    def _why_not(self, call: Call, route: Route) -> Untried | None:
        load = route.load
        why: object = route
        if load.out:
            outage = load.outage
            if outage is None or not outage.refuses(load.calls - load.in_flight, self._clock()):
                # It finds out whether the outage is over.
                return None
            why = outage.said or outage.say(call.tool, self._rng)
        elif route.coming or call.head.wait_for_ready:
            return None
        refusal = self._refusals.get(call.tool)
        if refusal is None or refusal.why is not why:
            refusal = self._make(call.tool, route, why)
        if refusal.shed is not None:
            refusal.shed.add()
        return refusal.untried

    def _make(self, tool: str, route: Route, why: object) -> _Refusal:
        outage = route.load.outage
        if route.load.out and outage is not None:
            error = outage.refusal(tool, self._rng)
            count: NumberCell | None = self._shed.cell(tool, Shed.OUTAGE.value)
        else:
            error, count = NoReplica(absence(route)), None
        if len(self._refusals) >= _REMEMBERED:
            self._refusals.clear()
        made = self._refusals[tool] = _Refusal(why, Untried(error), count)
        return made
