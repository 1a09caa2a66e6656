"""The way of nearly every call, in one step down and one step up.

A call that goes through the layers is looked at by each of them, although most have nothing to
decide of most calls: the tool has room, nobody records the trace, one attempt ends well. For such a
call this does to the books what all layers together do, at half of their cost. Whatever else it
turns out to be, before it begins or later, the layers take it from there: what they find is what
they themselves would have left.
"""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from random import Random
from time import perf_counter
from typing import Any

from grpc import StatusCode

from mcpmesh.balance.balancer import Route
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.tool_load import ToolLoad
from mcpmesh.dispatch.answer_cells import AnswerCells
from mcpmesh.dispatch.observe import InFlight, tie
from mcpmesh.dispatch.turn import Turn
from mcpmesh.model.trace import TraceContext
from mcpmesh.policy.fastest import SPAN
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Top
from mcpmesh.stack.send import Send
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.timers import Timers
from mcpmesh.wire.connection import Connection

#: Of each span's first call there is more to note.
_WITHIN_SPAN = SPAN - 1
_OK = StatusCode.OK
#: A turn and the slot of its deadline, a replica and its connection, a trace, and when that was, by
#: `time.perf_counter`. A tuple, for every call makes one.
Departure = tuple[Turn, set[Any], Candidate, Connection, TraceContext, float]
#: Seconds; the first turn is nobody's.
_ANY = 30.0


class ShortWay:
    """Begins calls, and ends those that took the short way and went well.

    `top` and `send` are the ends of the layers that it stands for. It is the bottom of the attempts
    that it makes; a further attempt of a call is the layers' own. `lets` tells whether a call is
    allowed, where there are rules.
    """

    def __init__(
        self,
        top: Top[Call],
        send: Send,
        telemetry: Telemetry,
        in_flight: InFlight,
        timers: Timers,
        loop: AbstractEventLoop,
        rng: Random,
        lets: Callable[[Call], bool] | None = None,
    ) -> None:
        self._long_way = top.start
        self.send = send
        self._long_end = send.ended
        #: What ends otherwise than well is the layers' to end.
        self.failed = send.failed
        self.interrupted = send.interrupted
        self.reported = send.reported
        self._tracing = telemetry.tracing
        self.cells = AnswerCells(telemetry.instruments)
        self.in_flight = in_flight
        self._timers = timers
        self._loop_time = loop.time
        self._rng = rng
        self._lets = lets
        self._turn = Turn(loop.time(), _ANY, timers, send)

    def start(self, call: Call) -> None:
        """Let a call begin, by this way or by the layers'."""
        route, head = call.route, call.head
        if (
            route is None
            or call.requests is not None
            or (self._lets is not None and not self._lets(call))
            or (found := self.departure(route, call.timeout, head.parent)) is None
        ):
            self._long_way(call)
            return
        turn, slot, candidate, connection, trace, now = found
        load = route.load
        call.trace = trace
        if not call.correlation_id:
            call.correlation_id = trace.trace_id
        own = tie(call.correlation_id, head.baggage, trace) + turn.written_timeout
        self.in_flight.calls += 1
        call.began = now
        call.started, call.deadline = turn.moment, turn.deadline
        call.timer = slot
        slot.add(call)
        load.calls += 1
        load.in_flight += 1
        call.place = load
        call.attempts = 1
        call.candidate = candidate
        attempt = call.current = Attempt(call, self)
        attempt.began, attempt.candidate = now, candidate
        candidate.in_flight += 1
        candidate.picks += 1
        try:
            attempt.stream = connection.request(
                head.forward, own.encode("latin-1"), call.body, attempt
            )
        except Exception as error:
            self.send.not_sent(attempt, error)

    def departure(
        self, route: Route, timeout: float, parent: TraceContext | None
    ) -> Departure | None:
        """Find when, where and in which trace a call begins; None when it is for the layers.

        In one piece: a function for each of its parts would cost what it saves.
        """
        if not route.short:
            return None
        load = route.load
        tracing = self._tracing
        drawn = tracing.drawn
        if (
            # It begins a span of calls, or its pick is noted.
            not (load.calls + 1) & load.picks.mask & _WITHIN_SPAN
            or load.in_flight >= load.limit
            or load.gate is not None
            # It may be hopeless.
            or timeout <= load.fastest.seconds
            # Its trace is not known yet, or is recorded.
            or (not drawn or drawn[-1][1] if parent is None else not tracing.leaves_out(parent))
        ):
            return None
        moment = self._loop_time()
        turn = self._turn
        if moment != turn.moment or timeout != turn.timeout:
            turn = self._turn = Turn(moment, timeout, self._timers, self.send)
        slot = turn.slot
        if slot is None:
            # Its deadline needs a timer of its own.
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
        return turn, slot, candidate, connection, trace, now

    def ended(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        """Learn how an answer ended; well, and it is the end of the call."""
        call, candidate = attempt.call, attempt.candidate
        load, route = call.place, call.route
        if (
            code is not _OK
            or route is None
            or not isinstance(load, ToolLoad)
            or load.gate is not None
            or candidate.watched
            or candidate.loads
        ):
            self._long_end(attempt, code, message)
            return
        took = attempt.took = perf_counter() - call.began
        note_success(candidate, load, took)
        call.timer.discard(call)
        self.in_flight.calls -= 1
        key = call.head.method, call.tool
        of_call, of_attempt = candidate.cells.get(key) or self.cells.at(candidate, key)
        of_call(took)
        of_attempt(took)
        call.over = True
        call.current = None
        call.ended()


def note_success(candidate: Candidate, load: ToolLoad, took: float) -> None:
    """Take a call in flight off the books of its replica and tool: it was answered well."""
    candidate.in_flight -= 1
    candidate.successes += 1
    candidate.seconds += took
    load.in_flight -= 1
    fastest = load.fastest
    # As a comparison, at half the cost of min().
    if took < fastest.shortest:  # noqa: PLR1730
        fastest.shortest = took
