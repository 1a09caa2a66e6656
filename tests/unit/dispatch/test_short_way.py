"""Calls leave the same behind, whether they take the short way or go through all layers."""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from mcpmesh.balance.balancer import Routes
from mcpmesh.dispatch.layers import StackParts, layers
from mcpmesh.dispatch.observe import InFlight
from mcpmesh.dispatch.short_way import ShortWay
from mcpmesh.errors import PermissionDenied, TooLarge, ToolNotFound
from mcpmesh.model.trace import TraceContext
from mcpmesh.policy.access import Access, AccessRule
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.stack.call_head import CallHead
from mcpmesh.telemetry.sampling import Decision, sampling_from
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.telemetry.tracing import RandomIds, Recorder
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.limits import Limits
from tests.unit.stack.virtual import Asked, Table, VirtualLoop, cluster, ready

POLICIES = ToolPolicies({
    "few": {"admission": {"in_flight": 2, "queue": 1}},
    "rated": {"admission": {"rate": 3.0, "burst": 2}},
    "twice": {"hedge": {}},
})  # fmt: skip
TOOLS = ("echo", "few", "rated", "twice", "gone")
METHOD = "mcpmesh.v1.ToolService/Invoke"
FORWARD = (
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", f"/{METHOD}".encode()),
    (b":authority", b"mesh"), (b"te", b"trailers"), (b"content-type", b"application/grpc"),
)  # fmt: skip
HEAD = ((b":status", b"200"), (b"content-type", b"application/grpc"))
OK = ((b"grpc-status", b"0"),)
BODY = b"\0\0\0\0\2hi"
REPLICAS = "abc"
PARENT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", False, "")


class Owner:
    """The owner of one side of a connection; a replica's side keeps its calls for the script."""

    peer_name = "ipv4:10.0.0.1:5"

    def __init__(self, world: "World | None" = None) -> None:
        self._world = world

    def accept(self, stream: Any, head: Any) -> Any:
        assert self._world is not None
        return Served(self._world, stream, head)

    def on_output(self) -> None: ...

    def on_full(self) -> None: ...

    def on_idle(self) -> None: ...

    def on_untold(self) -> None: ...

    def on_goaway(self, code: int, message: str) -> None: ...

    def on_pong(self, payload: bytes) -> None: ...


class Served:
    """A call at its replica."""

    def __init__(self, world: "World", stream: Any, head: Any) -> None:
        self._world = world
        self.stream = stream
        self._said = head.headers
        world.served.append(self)

    def on_headers(self, headers: Any, end: bool) -> None: ...

    def on_data(self, data: bytes, end: bool) -> None:
        self.stream.consumed(len(data))
        self._world.told.append(("request", self._said, data, end))

    def on_reset(self, code: int, message: str) -> None:
        self._world.told.append(("reset by us", code))
        if self in self._world.served:
            self._world.served.remove(self)


class Ends:
    """A balancing policy's books of one replica: how many attempts ended, and how many badly."""

    def __init__(self) -> None:
        self.said = Counter[bool]()

    def ended(self, now: float, duration: float, failed: bool) -> None:
        self.said[failed] += 1


class Caller(Asked):
    """A call whose answer is noted, with all that is said of it."""

    #: Whoever takes no head takes no answer.
    takes = True
    expired = 0

    def expire(self) -> None:
        self.expired += 1
        super().expire()

    def send_headers(self, headers: Any, volatile: Any = (), end: bool = False) -> None:
        if not end and not self.takes:
            raise TooLarge("the head is over the caller's limit")
        self.said.append((headers, volatile, end))

    def send_message(self, headers: Any, volatile: Any, data: bytes) -> None:
        self.send_headers(headers, volatile)
        self.send_data(data)

    def send_answer(self, headers: Any, volatile: Any, data: bytes, trailers: Any) -> None:
        self.send_message(headers, volatile, data)
        self.send_headers(trailers, (), True)

    def send_data(self, data: bytes, end: bool = False) -> None:
        assert self.taken is None or not end
        self.said.append(((), data, end))

    def stop(self) -> None: ...


class World:
    """A stack, three replicas behind real connections, and everything that was said."""

    def __init__(self, short: bool, sampled: float, *rules: AccessRule) -> None:
        self.loop = VirtualLoop()
        self.told: list[Any] = []
        self.served: list[Served] = []
        self.calls: list[Caller] = []
        self.candidates = {name: ready(name) for name in REPLICAS}
        # Of one replica somebody wants to know how each attempt went.
        self.candidates["c"].loads["echo"] = self.ends = Ends()
        self._pairs: dict[str, tuple[Connection, Connection]] = {}
        for name in REPLICAS:
            self._connect(name)
        self.table = Table()
        self.table._policies = POLICIES
        self._short = short
        self._show()
        for (route,) in self.table.routes.by_tool.values():
            # As of a tool that is called often: few of its picks are noted.
            route.load.picks.mask = 0x3
        self.telemetry = without_exporters(Random(1))
        if sampled:
            arguments = {"OTEL_TRACES_SAMPLER_ARG": str(sampled)}
            sampler = "parentbased_traceidratio"
            sampling = sampling_from({"OTEL_TRACES_SAMPLER": sampler, **arguments})
            ids = RandomIds(Random(2))
            provider = TracerProvider(sampling.sampler(), id_generator=ids)
            recorder = Recorder(provider.get_tracer("test"), ids, Decision(sampling))
            self.telemetry.tracing.record_with(recorder)
        self.in_flight = InFlight()
        parts = StackParts(
            self.telemetry, self.table, lambda *_: ToolNotFound("no such tool"),
            self.loop, Random(3), self.in_flight,  # type: ignore[arg-type]
            access=Access(rules),
        )  # fmt: skip
        self.top = layers(parts)
        assert isinstance(self.top, ShortWay)

    def _show(self) -> None:
        """Have calls go to the replicas that there are connections to."""
        known = [cluster(tool, *REPLICAS, idempotent=True) for tool in TOOLS if tool != "gone"]
        self.table.show(*known, **self.candidates)
        if not self._short:
            routes = self.table.routes.by_tool
            long = {tool: (replace(one[0], short=False),) for tool, one in routes.items()}
            self.table.routes = Routes(long)

    def _connect(self, name: str) -> None:
        ours = Connection(Owner(), Limits(), client=True)  # type: ignore[arg-type]
        theirs = Connection(Owner(self), Limits(), client=False)  # type: ignore[arg-type]
        ours.start()
        theirs.start()
        self._pairs[name] = ours, theirs
        self.candidates[name].connection = ours
        self.flush()

    def flush(self) -> None:
        """Carry bytes both ways until there are none."""
        moved = True
        while moved:
            moved = False
            for ours, theirs in self._pairs.values():
                for sender, receiver in ((ours, theirs), (theirs, ours)):
                    if sender.outbox.size:
                        moved = True
                        data = sender.outbox.take()
                        if not receiver.closed:
                            receiver.receive(data)

    # The script

    def call(self, tool: str, timeout: float, own: dict[str, Any], takes: bool) -> None:
        call = Caller(CallHead(METHOD, FORWARD, tool=tool, **own))
        call.takes = takes
        call.timeout, call.body = timeout, BODY
        call.route = self.table.routes.find(tool)
        self.calls.append(call)
        self.top.start(call)

    def answer(self, number: int, how: str) -> None:
        if not self.served:
            return
        served = self.served.pop(number % len(self.served))
        stream = served.stream
        if how == "well":
            stream.send_answer(HEAD, (), BODY, OK)
        elif how == "in pieces":
            for step, *arguments in (("headers", HEAD), ("data", BODY), ("headers", OK, (), True)):
                if not stream.closed:
                    getattr(stream, f"send_{step}")(*arguments)
                    self.flush()
        elif how == "badly":
            stream.send_answer(HEAD, (), BODY, ((b"grpc-status", b"13"), (b"grpc-message", b"?")))
        elif how == "without an end":
            stream.send_message(HEAD, (), BODY)
        elif how == "reset":
            stream.reset()
        else:
            stream.send_headers((*HEAD, (b"grpc-status", how.encode())), (), True)

    def cancel(self, number: int) -> None:
        if self.calls:
            self.calls[number % len(self.calls)].interrupt(ToolNotFound("given up"))

    def lose(self, number: int) -> None:
        name = REPLICAS[number % len(REPLICAS)]
        ours, theirs = self._pairs[name]
        self.served = [each for each in self.served if each.stream.connection is not theirs]
        ours.lost("gone")
        self.candidates[name].connection = None
        self._show()

    def back(self, number: int) -> None:
        name = REPLICAS[number % len(REPLICAS)]
        if self.candidates[name].connection is None:
            self._connect(name)
            self._show()

    def drain(self, number: int) -> None:
        name = REPLICAS[number % len(REPLICAS)]
        self._pairs[name][1].drain("rolling")
        self.candidates[name].connection = None
        self._show()

    def watch(self, number: int) -> None:
        self.candidates[REPLICAS[number % len(REPLICAS)]].watched = True

    def advance(self, seconds: float) -> None:
        self.loop.advance(seconds)

    # What is left

    def books(self) -> dict[str, Any]:
        counted = self.telemetry.instruments
        return {
            "told": Counter(map(repr, self.told)),
            "calls": [
                (each.said, repr(each.error), repr(each.broke), each.ends, each.over, each.attempts,
                 each.expired, each.current is None, each.candidate and each.candidate.name,
                 each.correlation_id)
                for each in self.calls
            ],
            "candidates": [
                (each.in_flight, each.picks, each.successes, each.failures, each.failures_in_row,
                 each.lost_calls, each.watched, each.seconds > 0)
                for each in self.candidates.values()
            ],
            "tools": {
                tool: (one.load.calls, one.load.in_flight, one.load.limit, one.load.gate is None)
                for tool, (one,) in self.table.routes.by_tool.items()
            },
            "ends": self.ends.said,
            "in flight": self.in_flight.calls,
            "rpc": [
                Counter((repr(one.attributes), sum(one.counts)) for one in each.points())
                for each in (counted.rpc_server, counted.rpc_client)
            ],
        }  # fmt: skip


OWN = st.fixed_dictionaries({}, optional={
    "correlation_id": st.sampled_from(["mine", "with space", "x" * 200]),
    "parent": st.sampled_from([PARENT, PARENT._replace(sampled=True)]),
    "baggage": st.just("a=b"),
})  # fmt: skip
NUMBER = st.integers(0, 9)
HOW = st.sampled_from(["well", "well", "well", "in pieces", "badly", "without an end", "reset",
                       "14", "8", "0", "13"])  # fmt: skip
TIMEOUT = st.sampled_from([30.0, 30.0, 5.0, 0.1, 0.0, 90.0])
TAKES = st.sampled_from([True, True, False])
STEP = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(TOOLS), TIMEOUT, OWN, TAKES),
    st.tuples(st.just("call"), st.sampled_from(["echo", "few"]), *map(st.just, (30.0, {}, True))),
    st.tuples(st.just("answer"), NUMBER, HOW),
    st.tuples(st.sampled_from(["cancel", "lose", "back", "drain", "watch"]), NUMBER),
    st.tuples(st.just("advance"), st.sampled_from([0.001, 0.05, 1.0, 40.0])),
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(steps=st.lists(STEP, min_size=12, max_size=60), sampled=st.sampled_from([0.0, 0.5]))
def test_both_ways_leave_the_same_behind(steps: list[Any], sampled: float) -> None:
    short, long = World(True, sampled), World(False, sampled)
    for step, *arguments in (*steps, ("advance", 100.0)):
        for world in (short, long):
            getattr(world, step)(*arguments)
            world.flush()
        assert short.books() == long.books(), step
    assert short.in_flight.calls == 0
    assert all(each.ends == 1 for each in short.calls)


def test_most_calls_take_the_short_way() -> None:
    world = World(True, 0.0)
    taken = Counter[bool]()
    for _ in range(200):
        world.call("echo", 30.0, {}, True)
        world.flush()
        current = world.calls[-1].current
        taken[getattr(current, "bottom", None) is world.top] += 1
        world.answer(0, "well")
        world.flush()
        assert world.calls[-1].over
    # All but those whose picks are noted: of a tool that is new, or seldom called, all are.
    assert taken[True] > 100


def test_the_short_way_is_no_way_around_the_rules() -> None:
    world = World(True, 0.0, AccessRule(("*",), ("echo",)))
    for _ in range(4):
        for tool in ("echo", "few"):
            world.call(tool, 30.0, {}, True)
            world.flush()
            world.answer(0, "well")
            world.flush()
    asked = [each.error for each in world.calls]
    assert asked[::2] == [None] * 4
    assert all(isinstance(error, PermissionDenied) for error in asked[1::2])
    assert world.table.routes.by_tool["few"][0].load.calls == 0
