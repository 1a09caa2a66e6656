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

from mcpmesh.balance.tool_load import ToolLoad
from mcpmesh.dispatch.observe import (
    NEW_TRACE,
    TRACE_BAGGAGE,
    TRACE_CORRELATION,
    InFlight,
    tie,
)
from mcpmesh.policy.fastest import SPAN
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Top
from mcpmesh.stack.send import Send
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.timers import Timers

#: Of each span's first call there is more to note.
_WITHIN_SPAN = SPAN - 1
_OK = StatusCode.OK


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
        self._send = send
        self._long_end = send.ended
        #: What ends otherwise than well is the layers' to end.
        self.failed = send.failed
        self.interrupted = send.interrupted
        self.reported = send.reported
        self._tracing = telemetry.tracing
        self._rpc_server = telemetry.instruments.rpc_server
        self._rpc_client = telemetry.instruments.rpc_client
        self._known_server = self._rpc_server.known
        self._known_client = self._rpc_client.known
        self._in_flight = in_flight
        self._timers = timers
        self._loop_time = loop.time
        self._rng = rng
        self._lets = lets
        # Calls of one turn of the loop that may take equally long have the same of these.
        self._moment = self._timeout = self._deadline = -1.0
        self._slot: set[Any] | None = None
        self._written_timeout = ""

    def start(self, call: Call) -> None:
        """Let a call begin, by this way or by the layers'.

        In one piece: a function for each of its parts would cost what it saves.
        """
        route = call.route
        if route is None or not route.short:
            self._long_way(call)
            return
        load = route.load
        timeout = call.timeout
        head = call.head
        parent = head.parent
        tracing = self._tracing
        drawn = tracing.drawn
        calls = load.calls + 1
        in_flight = load.in_flight
        if (
            # It begins a span of calls, or its pick is noted.
            not calls & load.picks.mask & _WITHIN_SPAN
            or in_flight >= load.limit
            or load.gate is not None
            # It may be hopeless.
            or timeout <= load.fastest.seconds
            or call.requests is not None
            or (self._lets is not None and not self._lets(call))
            # Its trace is not known yet, or is recorded.
            or (not drawn or drawn[-1][1] if parent is None else not tracing.leaves_out(parent))
        ):
            self._long_way(call)
            return
        moment = self._loop_time()
        if moment != self._moment or timeout != self._timeout:
            self._turn(moment, timeout)
        slot = self._slot
        if slot is None:
            # Its deadline needs a timer of its own.
            self._long_way(call)
            return
        now = perf_counter()
        try:
            candidate = route.picker.pick(self._rng, now)
        except Exception:
            # The layers meet the same bug, and tell it.
            candidate = None
        if candidate is None or (connection := candidate.connection) is None or connection.draining:
            self._long_way(call)
            return
        if parent is None and not call.correlation_id and not head.baggage:
            trace = call.trace = drawn.pop()[0]
            trace_id = call.correlation_id = trace[0]
            own = (
                f"{NEW_TRACE}{trace_id}-{trace[1]}-00{TRACE_CORRELATION}{trace_id}"
                f"{TRACE_BAGGAGE}{trace_id}{self._written_timeout}"
            )
        else:
            trace = call.trace = drawn.pop()[0] if parent is None else parent
            if not call.correlation_id:
                call.correlation_id = trace.trace_id
            own = tie(call, trace) + self._written_timeout
        self._in_flight.calls += 1
        call.began = now
        call.started, call.deadline = moment, self._deadline
        call.timer = slot
        slot.add(call)
        load.calls = calls
        load.in_flight = in_flight + 1
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
            self._send.not_sent(attempt, error)

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
        candidate.in_flight -= 1
        candidate.successes += 1
        candidate.seconds += took
        load.in_flight -= 1
        fastest = load.fastest
        # As a comparison, at half the cost of min().
        if took < fastest.shortest:  # noqa: PLR1730
            fastest.shortest = took
        call.timer.discard(call)
        self._in_flight.calls -= 1
        method, tool = call.head.method, call.tool
        host, port = candidate.address
        of_attempt = (method, tool, "OK", host, port)
        of_call = (method, tool, "OK")
        (self._known_client(of_attempt) or self._rpc_client.at(of_attempt)).record(took)
        (self._known_server(of_call) or self._rpc_server.at(of_call)).record(took)
        call.over = True
        call.current = None
        call.ended()

    def _turn(self, moment: float, timeout: float) -> None:
        """Find what the calls of this moment with this timeout have in common."""
        self._moment, self._timeout = moment, timeout
        self._deadline = moment + timeout
        self._slot = self._timers.slot(self._deadline, moment)
        self._written_timeout = self._send.written(timeout)
