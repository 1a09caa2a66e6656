"""Takes, holds back or refuses calls of a tool, by how many there are."""

from collections.abc import Callable
from random import Random

from grpc import StatusCode

from mcpmesh.balance.balancer import Route
from mcpmesh.balance.gate import Gate, Share
from mcpmesh.balance.tool_load import ToolLoad
from mcpmesh.errors import DeadlineExceeded, Overloaded
from mcpmesh.policy.admission import Refusal, Shed
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer
from mcpmesh.stack.loop import Loop
from mcpmesh.stack.place import Place
from mcpmesh.stack.waiting import Waiting

#: Who is told to come again sooner would be refused again.
_LEAST_PUSHBACK_MS = 10


class Admitting(Layer[Call]):
    """Gives each call a place at its tool, at once or in turn, for all of its attempts.

    `shed` is told of refusals: (tool, why).
    Fails the call with: Overloaded, saying when to come again; NoReplica, if all before it failed.
    """

    def __init__(
        self,
        loop: Loop,
        rng: Random,
        shed: Callable[[str, Shed], None] = lambda _tool, _why: None,
    ) -> None:
        self._loop = loop
        self._rng = rng
        self._shed = shed

    def start(self, call: Call) -> None:
        route = call.route
        if route is None:
            # What comes of it is for the balance layer to say.
            self.on(call)
            return
        load = route.load
        in_flight = load.in_flight
        if load.gate is None and in_flight < load.limit:
            # The way of nearly every call.
            load.in_flight = in_flight + 1
            call.place = load
            self.on(call)
        else:
            self._ask(call, route)

    def failed(self, call: Call, error: BaseException) -> None:
        if isinstance(error, DeadlineExceeded):
            self._measure(call, None)
        self._leave(call)
        self.fail(call, error)

    def ended(self, call: Call, code: StatusCode, message: str) -> None:
        place = call.place
        if place is not None:
            # Nothing else to ask of a tool: the place is its load, for a Place has a gate.
            if place.gate is None:
                place.in_flight -= 1
            else:
                if code is StatusCode.OK:
                    self._measure(call, call.current)
                self._leave(call)
        self.end(call, code, message)

    def given_up(self, call: Call, error: BaseException) -> None:
        """Let go of a call that waits."""
        place = call.place
        assert isinstance(place, Place)
        place.gate.waiting.remove(call)
        call.place = None
        _relieve(place.load)
        self.fail(call, error)

    # Coming

    def _ask(self, call: Call, route: Route) -> None:
        """Take a call, have it wait, or refuse it."""
        load, now = route.load, self._loop.time()
        if load.out and (outage := load.refuses(now)) is not None:
            self._shed(call.tool, Shed.OUTAGE)
            self.fail(call, outage.refusal(call.tool, self._rng))
            return
        gate = load.gate
        if gate is None:
            gate = load.gate = Gate(load.admission)
        full = bool(gate.waiting) or load.in_flight >= gate.limit(now)
        share = _share(call, gate, now)
        refusal = None
        if full:
            left = call.deadline - now - load.fastest.seconds
            refusal = gate.may_wait(left, load.calls - load.in_flight, now)
        refusal = refusal or gate.over_rate(share, now)
        if refusal is not None:
            self._refuse(call, refusal)
            _relieve(load)
            return
        place = call.place = Place(load, gate, share, now)
        if not full:
            self._enter(call, place)
            return
        gate.waiting.append(call)
        call.current = Waiting(call, self)
        self._watch(gate)

    def _enter(self, call: Call, place: Place) -> None:
        place.load.in_flight += 1
        place.since = self._loop.time()
        if place.share is not None:
            place.share.in_flight += 1
        self.on(call)

    # Going

    def _leave(self, call: Call) -> None:
        place = call.place
        if place is None:
            return
        call.place = None
        if isinstance(place, Place):
            load = place.load
            if place.share is not None:
                place.share.in_flight -= 1
        else:
            load = place
        load.in_flight -= 1
        if load.gate is not None:
            self._let_in(load, load.gate)

    def _measure(self, call: Call, last: object) -> None:
        """Note how long an answer took, if that decides how many calls are let in."""
        place = call.place
        if not isinstance(place, Place) or place.gate.gradient is None:
            return
        now = self._loop.time()
        took = last.took if isinstance(last, Attempt) else now - place.since
        place.gate.gradient.add(took, place.load.in_flight, now)

    # Waiting

    def _let_in(self, load: ToolLoad, gate: Gate) -> None:
        """Begin calls that wait, as far as there is room."""
        if gate.letting_in:
            # A call that ends as it begins comes by here again.
            return
        gate.letting_in = True
        try:
            now = self._loop.time()
            while gate.waiting and load.in_flight < gate.limit(now):
                call: Call = gate.waiting.popleft()
                assert isinstance(call.place, Place)
                call.current = None
                if load.fastest.rules_out(call.deadline - now, now):
                    self._refuse_waiting(call, Shed.DEADLINE, "it waited for its turn too long")
                else:
                    self._enter(call, call.place)
        finally:
            gate.letting_in = False
        _relieve(load)

    def _watch(self, gate: Gate) -> None:
        """See to it that the oldest of those that wait does not wait too long."""
        if gate.waiting and not gate.watched:
            gate.watched = True
            until = gate.waiting[0].place.since + gate.settings.queue_wait
            self._loop.call_at(until, lambda: self._end_waits(gate))

    def _end_waits(self, gate: Gate) -> None:
        gate.watched = False
        overdue = self._loop.time() - gate.settings.queue_wait
        while gate.waiting and gate.waiting[0].place.since <= overdue:
            self._refuse_waiting(
                gate.waiting.popleft(), Shed.QUEUE_WAIT, "it waited for its turn too long"
            )
        self._watch(gate)

    # Refusing

    def _refuse_waiting(self, call: Call, why: Shed, limit: str) -> None:
        assert isinstance(call.place, Place)
        load, gate = call.place.load, call.place.gate
        call.place = None
        again = gate.expected_wait(self._loop.time(), load.calls - load.in_flight)
        self._refuse(call, Refusal(why, limit, again))
        _relieve(load)

    def _refuse(self, call: Call, refusal: Refusal) -> None:
        self._shed(call.tool, refusal.why)
        # Spread, or those that were refused together come again together.
        again = refusal.again * self._rng.uniform(1.0, 1.5)
        pushback = max(_LEAST_PUSHBACK_MS, int(again * 1000) + 1)
        self.fail(
            call,
            Overloaded(
                f"{call.tool}: {refusal.limit}; try again in {pushback / 1000:g} s",
                retry_after_ms=pushback,
            ),
        )


def _relieve(load: ToolLoad) -> None:
    """Do without what only a queue needs, when there is none."""
    gate = load.gate
    if gate is None or gate.waiting:
        return
    gate.emptied()
    if load.in_flight < load.limit:
        gate.calm()
        if gate.settings.only_counts:
            load.gate = None


def _share(call: Call, gate: Gate, now: float) -> Share | None:
    settings = gate.settings
    if not settings.knows_callers:
        return None
    name = ""
    if settings.caller_header:
        wanted = settings.caller_header.encode()
        name = next(
            (value.decode("latin-1") for key, value in call.head.forward if key == wanted), ""
        )
    return gate.share(name or call.peer, now)
