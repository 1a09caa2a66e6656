"""The short way of a direct client's calls, which have no caller's stream to answer on.

As `ShortWay` spares most calls the layers, this spares them being a `Call`, and their attempt being
an `Attempt`: the books are the same, and what a call would be is found when it is asked for.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from mcpmesh.dispatch.observe import tie
from mcpmesh.dispatch.short_way import ShortWay, note_success
from mcpmesh.dispatch.straight_call import StraightCall

if TYPE_CHECKING:
    from mcpmesh.balance.balancer import Route
    from mcpmesh.rpc.client_call import CallBase
    from mcpmesh.stack.call import Call
    from mcpmesh.stack.call_head import CallHead


class StraightWay:
    """Begins direct calls, and ends those that went well; `short` takes them from there.

    Units: `default_timeout` in seconds, for calls that neither caller nor tool limits.
    """

    def __init__(self, short: ShortWay, default_timeout: float) -> None:
        self.bottom = short
        self.in_flight = short.in_flight
        self._default_timeout = default_timeout
        self._send = short.send
        self._cells = short.cells

    def begin(
        self,
        head: CallHead,
        tool: str,
        route: Route,
        body: bytes,
        asked: float | None,
        asking: CallBase,
    ) -> StraightCall | Call | None:
        """Let a call begin; return what it goes by, None when it is for the layers.

        Units: `asked` in seconds, None when the caller sets no limit.
        """
        if route.special:
            return None
        own = route.cluster.tool.timeout
        if asked is None:
            timeout = self._default_timeout if own is None else own
        else:
            timeout = asked if own is None or asked < own else own
        found = self.bottom.departure(route, timeout, head.parent)
        if found is None:
            return None
        turn, slot, candidate, connection, trace, now = found
        correlation_id = head.correlation_id or trace.trace_id
        fields = tie(correlation_id, head.baggage, trace) + turn.written_timeout
        call = StraightCall(
            self, asking, head, tool, route, body, turn, trace, correlation_id, candidate, now
        )
        slot.add(call)
        load = route.load
        load.calls += 1
        load.in_flight += 1
        candidate.in_flight += 1
        candidate.picks += 1
        try:
            call.stream = connection.request(head.forward, fields.encode("latin-1"), body, call)
        except Exception as error:
            attempt = call.grown()
            self._send.not_sent(attempt, error)
            return attempt.call
        return call

    def ended(self, call: StraightCall) -> None:
        """Take a call that went well off the books."""
        candidate = call.candidate
        took = perf_counter() - call.began
        note_success(candidate, call.route.load, took)
        slot = call.turn.slot
        assert slot is not None
        slot.discard(call)
        key = call.head.method, call.tool
        of_call, of_attempt = candidate.cells.get(key) or self._cells.at(candidate, key)
        of_call(took)
        of_attempt(took)
