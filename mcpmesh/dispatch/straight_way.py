"""The short way of a direct client's calls, which have no caller's stream to answer on.

As `ShortWay` spares most calls the layers, this spares them being a `Call`, and their attempt being
an `Attempt`: the books are the same, and what a call would be is found when it is asked for.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from mcpmesh.dispatch.observe import NEW_TRACE, TRACE_BAGGAGE, TRACE_CORRELATION, tie
from mcpmesh.dispatch.short_way import WITHIN_SPAN, ShortWay, note_success
from mcpmesh.dispatch.straight_call import StraightCall
from mcpmesh.dispatch.turn import Turn

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
        self._tracing = short.tracing
        self._send = short.send
        self._timers = short.timers
        self._loop_time = short.loop_time
        self._rng = short.rng
        self._cells = short.cells
        self._turn = Turn(self._loop_time(), default_timeout, self._timers, self._send)

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

        In one piece: a function for each of its parts would cost what it saves.
        Units: `asked` in seconds, None when the caller sets no limit.
        """
        if not route.short or route.special:
            return None
        load = route.load
        own = route.cluster.tool.timeout
        if asked is None:
            timeout = self._default_timeout if own is None else own
        else:
            timeout = asked if own is None or asked < own else own
        parent = head.parent
        tracing = self._tracing
        drawn = tracing.drawn
        calls = load.calls + 1
        in_flight = load.in_flight
        if (
            # As in ShortWay.
            not calls & load.picks.mask & WITHIN_SPAN
            or in_flight >= load.limit
            or load.gate is not None
            or timeout <= load.fastest.seconds
            or (not drawn or drawn[-1][1] if parent is None else not tracing.leaves_out(parent))
        ):
            return None
        moment = self._loop_time()
        turn = self._turn
        if moment != turn.moment or timeout != turn.timeout:
            turn = self._turn = Turn(moment, timeout, self._timers, self._send)
        slot = turn.slot
        if slot is None:
            return None
        now = perf_counter()
        try:
            candidate = route.picker.pick(self._rng, now)
        except Exception:
            # The layers meet the same bug, and tell it.
            return None
        if candidate is None or (connection := candidate.connection) is None or connection.draining:
            return None
        trace = drawn.pop()[0] if parent is None else parent
        trace_id = trace[0]
        correlation_id = head.correlation_id
        if parent is None and not correlation_id and not head.baggage:
            correlation_id = trace_id
            fields = (
                f"{NEW_TRACE}{trace_id}-{trace[1]}-00{TRACE_CORRELATION}{trace_id}"
                f"{TRACE_BAGGAGE}{trace_id}{turn.written_timeout}"
            )
        else:
            correlation_id = correlation_id or trace_id
            fields = tie(correlation_id, head.baggage, trace) + turn.written_timeout
        call = StraightCall(
            self, asking, head, tool, route, body, turn, trace, correlation_id, candidate, now
        )
        slot.add(call)
        load.calls = calls
        load.in_flight = in_flight + 1
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
