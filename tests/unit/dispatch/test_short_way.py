"""Calls leave the same behind, whether they take the short way or go through all layers."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcpmesh.errors import PermissionDenied, TooLarge, ToolNotFound
from mcpmesh.policy.access import AccessRule
from mcpmesh.stack.call_head import CallHead
from tests.unit.dispatch.two_ways import BODY, FORWARD, HOW, METHOD, OWN, TOOLS, World
from tests.unit.stack.virtual import Asked


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


class Calls(World):
    """A world in which a router's callers call."""

    def __init__(self, short: bool, sampled: float, *rules: AccessRule) -> None:
        self.calls: list[Caller] = []
        super().__init__(short, sampled, *rules)

    def call(self, tool: str, timeout: float, own: dict[str, Any], takes: bool) -> None:
        call = Caller(CallHead(METHOD, FORWARD, tool=tool, **own))
        call.takes = takes
        call.timeout, call.body = timeout, BODY
        call.route = self.table.routes.find(tool)
        self.calls.append(call)
        self.top.start(call)

    def cancel(self, number: int) -> None:
        if self.calls:
            self.calls[number % len(self.calls)].interrupt(ToolNotFound("given up"))

    def asked(self) -> list[Any]:
        return [
            (each.said, repr(each.error), repr(each.broke), each.ends, each.over, each.attempts,
             each.expired, each.current is None, each.candidate and each.candidate.name,
             each.correlation_id)
            for each in self.calls
        ]  # fmt: skip


SAYS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in OWN.items()}
)
NUMBER = st.integers(0, 9)
TIMEOUT = st.sampled_from([30.0, 30.0, 5.0, 0.1, 0.0, 90.0])
TAKES = st.sampled_from([True, True, False])
STEP = st.one_of(
    st.tuples(st.just("call"), st.sampled_from(TOOLS), TIMEOUT, SAYS, TAKES),
    st.tuples(st.just("call"), st.sampled_from(["echo", "few"]), *map(st.just, (30.0, {}, True))),
    st.tuples(st.just("answer"), NUMBER, st.sampled_from(HOW)),
    st.tuples(st.sampled_from(["cancel", "lose", "back", "drain", "watch"]), NUMBER),
    st.tuples(st.just("advance"), st.sampled_from([0.001, 0.05, 1.0, 40.0])),
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(steps=st.lists(STEP, min_size=12, max_size=60), sampled=st.sampled_from([0.0, 0.5]))
def test_both_ways_leave_the_same_behind(steps: list[Any], sampled: float) -> None:
    short, long = Calls(True, sampled), Calls(False, sampled)
    for step, *arguments in (*steps, ("advance", 100.0)):
        for world in (short, long):
            getattr(world, step)(*arguments)
            world.flush()
        assert short.books() == long.books(), step
    assert short.in_flight.calls == 0
    assert all(each.ends == 1 for each in short.calls)


def test_most_calls_take_the_short_way() -> None:
    world = Calls(True, 0.0)
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
    world = Calls(True, 0.0, AccessRule(("*",), ("echo",)))
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
