"""The admission layer over calls that a test begins and ends."""

from random import Random
from typing import Any

import pytest
from grpc import StatusCode

from mcpmesh.balance.balancer import Route
from mcpmesh.errors import DeadlineExceeded, NoReplica, Overloaded
from mcpmesh.policy.admission import Shed
from mcpmesh.stack.admission import Admitting
from mcpmesh.stack.call import Exit
from mcpmesh.stack.layer import stacked
from tests.unit.stack.virtual import Asked, Below, Table, VirtualLoop, call_of, cluster, ready


class Caller(Asked):
    """A call whose peer a test names."""

    name = ""

    @property
    def peer(self) -> str:
        return self.name


class Admitted:
    """A tool's admission, and what came of each call."""

    def __init__(self, **settings: Any) -> None:
        self.loop = VirtualLoop()
        self.table = Table({"admission": settings})
        self.table.show(cluster("echo", "a"), a=ready("a"))
        self.below = Below()
        self.shed: list[Shed] = []
        self.layer = Admitting(self.loop, Random(1), lambda _tool, why: self.shed.append(why))  # type: ignore[arg-type]
        self.top = stacked(Exit(), self.layer, self.below)

    @property
    def route(self) -> Route:
        route = self.table.routes.find("echo")
        assert route is not None
        return route

    def call(self, peer: str = "", timeout: float = 10.0, **headers: str) -> Asked:
        """Begin a call."""
        made = call_of()
        call = Caller(made.head)
        object.__setattr__(
            made.head, "forward", tuple((k.encode(), v.encode()) for k, v in headers.items())
        )
        call.name = peer
        call.timeout = timeout
        call.started = self.loop.now
        call.deadline = self.loop.now + timeout
        call.route = self.route
        self.top.start(call)
        return call

    def calls(self, count: int, **facts: Any) -> list[Asked]:
        return [self.call(**facts) for _ in range(count)]

    def began(self, call: Asked) -> bool:
        return call in self.below.begun

    def end(self, *calls: Asked) -> None:
        """Have calls answered, as their tool counts them."""
        for call in calls:
            self.route.load.calls += 1
            self.below.end(call, StatusCode.OK, "")

    @property
    def idle(self) -> bool:
        load = self.route.load
        return load.in_flight == 0 and (load.gate is None or not load.gate.waiting)


def refused(call: Asked) -> Overloaded:
    assert isinstance(call.error, Overloaded), call.error
    assert call.ends == 1
    return call.error


def test_calls_up_to_the_limit_begin_and_more_wait_their_turn() -> None:
    tool = Admitted(in_flight=2, queue=2)
    first, second, third, fourth = tool.calls(4)
    assert tool.below.begun == [first, second]
    tool.end(first)
    assert tool.began(third)
    assert not tool.began(fourth)
    tool.below.fail(second, NoReplica("none"))
    assert tool.began(fourth)
    tool.end(third, fourth)
    assert tool.idle
    assert tool.route.load.gate is None
    assert tool.shed == []


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again() -> None:
    tool = Admitted(in_flight=1, queue=1)
    running, waiting, late = tool.calls(3)
    error = refused(late)
    assert error.retry_after_ms >= 10
    seconds = error.retry_after_ms / 1000
    assert error.message == (
        f"echo: 1 call is in flight and 1 waits, the most that may; try again in {seconds:g} s"
    )
    assert tool.shed == [Shed.QUEUE_FULL]
    tool.end(running, waiting)
    assert tool.idle


def test_without_a_queue_more_than_the_limit_is_refused() -> None:
    tool = Admitted(in_flight=1, queue=0)
    running, late = tool.calls(2)
    assert "1 call is in flight, the most that may" in refused(late).message
    tool.end(running)
    assert tool.began(tool.call())


def test_what_would_wait_too_long_as_measured_is_refused_at_once() -> None:
    tool = Admitted(in_flight=1, queue=100, queue_wait=1.0)
    running = tool.call()
    waiting = tool.calls(2)
    # One ends every 50 ms: 20 per second.
    for _ in range(10):
        tool.loop.advance(0.05)
        tool.end(running)
        running = waiting.pop(0)
        waiting.append(tool.call())
    assert tool.shed == []
    more = [tool.call() for _ in range(30)]
    refusals = [each for each in more if each.error is not None]
    # A second and, to be sure, three tenths less.
    assert len(waiting) + len(more) - len(refusals) == 14
    assert 700 < refused(refusals[0]).retry_after_ms < 1200
    assert set(tool.shed) == {Shed.QUEUE_WAIT}


def test_behind_a_queue_that_does_not_empty_calls_wait_but_shortly() -> None:
    tool = Admitted(in_flight=1, queue=100, queue_wait=1.0)
    running = tool.call()
    waiting = tool.calls(10)
    for _ in range(30):
        tool.loop.advance(0.05)
        tool.end(running)
        running = waiting.pop(0)
        late = tool.call()
        if late.error is None:
            waiting.append(late)
    assert len(waiting) == 3
    assert set(tool.shed) == {Shed.QUEUE_WAIT}
    # Once it was empty, a burst may wait again.
    while waiting:
        tool.end(running)
        running = waiting.pop(0)
    assert all(each.error is None for each in tool.calls(10))


def test_what_would_miss_its_deadline_in_the_queue_is_refused_at_once() -> None:
    tool = Admitted(in_flight=1, queue=100, queue_wait=10.0)
    running = tool.call()
    waiting = tool.calls(4)
    for _ in range(10):
        tool.loop.advance(0.1)
        tool.end(running)
        running = waiting.pop(0)
        waiting.append(tool.call())
    late = tool.call(timeout=0.3)
    assert "past its deadline" in refused(late).message
    assert tool.shed == [Shed.DEADLINE]
    assert tool.call(timeout=1.0).error is None


def test_nobody_waits_longer_than_is_allowed_when_nothing_ends() -> None:
    tool = Admitted(in_flight=1, queue=10, queue_wait=0.25)
    running, first = tool.calls(2)
    tool.loop.advance(0.1)
    second = tool.call()
    tool.loop.advance(0.15)
    assert "waited for its turn too long" in refused(first).message
    assert second.error is None
    tool.loop.advance(0.1)
    refused(second)
    assert tool.shed == [Shed.QUEUE_WAIT] * 2
    tool.end(running)
    assert tool.idle


def test_a_call_whose_time_is_up_when_its_turn_comes_is_not_begun() -> None:
    tool = Admitted(in_flight=1, queue=10, queue_wait=5.0)
    running, waiting = tool.call(), tool.call(timeout=1.0)
    tool.route.load.fastest.shortest = 0.3
    tool.route.load.fastest.turn(tool.loop.now)
    tool.loop.advance(0.8)
    tool.end(running)
    refused(waiting)
    assert not tool.began(waiting)
    assert tool.shed == [Shed.DEADLINE]
    assert tool.idle


def test_a_waiting_call_that_is_interrupted_leaves_the_queue() -> None:
    tool = Admitted(in_flight=1, queue=1)
    running, waiting = tool.calls(2)
    late = DeadlineExceeded("late")
    waiting.interrupt(late)
    assert (waiting.error, waiting.ends) == (late, 1)
    other = tool.call()
    tool.end(running)
    assert tool.began(other)
    assert not tool.began(waiting)
    tool.end(other)
    assert tool.idle


def test_many_waiting_calls_that_fail_at_once_do_not_nest() -> None:
    tool = Admitted(in_flight=1, queue=5000)
    running, *waiting = tool.calls(5001)
    tool.layer.on = lambda call: tool.below.fail(call, NoReplica("none"))
    tool.end(running)
    assert all(isinstance(each.error, NoReplica) for each in waiting)
    assert tool.idle


def test_calls_over_the_rate_are_refused_until_there_is_a_token() -> None:
    tool = Admitted(rate=10.0, burst=2)
    began = tool.calls(2)
    error = refused(tool.call())
    assert "it takes 10 calls per second" in error.message
    assert 100 < error.retry_after_ms <= 151
    assert tool.shed == [Shed.RATE]
    tool.loop.advance(error.retry_after_ms / 1000)
    again = tool.call()
    assert tool.began(again)
    tool.end(*began, again)
    assert tool.idle


def test_each_caller_has_its_own_rate_and_its_own_places() -> None:
    tool = Admitted(caller_rate=10.0, caller_burst=1)
    assert tool.began(tool.call("ada"))
    assert "its caller makes more than 10 calls" in refused(tool.call("ada")).message
    assert tool.began(tool.call("bob"))
    tool = Admitted(caller_in_flight=2)
    first, _ = tool.calls(2, peer="ada")
    assert "its caller has 2 calls in flight" in refused(tool.call("ada")).message
    assert tool.began(tool.call("bob"))
    tool.end(first)
    assert tool.began(tool.call("ada"))
    assert tool.shed == [Shed.CALLER_IN_FLIGHT]


def test_a_trusted_header_names_the_caller() -> None:
    tool = Admitted(caller_in_flight=1, caller_header="user")
    assert tool.began(tool.call("10.0.0.1", user="ada"))
    refused(tool.call("10.0.0.2", user="ada"))
    assert tool.began(tool.call("10.0.0.1", user="bob"))
    assert tool.began(tool.call("10.0.0.1"))
    refused(tool.call("10.0.0.1"))


def test_callers_that_have_nothing_are_forgotten() -> None:
    tool = Admitted(caller_in_flight=1)
    gate = tool.route.load.gate
    assert gate is not None
    held = tool.call("held")
    for number in range(10_000):
        tool.end(tool.call(f"peer {number}"))
    assert len(gate._callers) <= 4097
    assert held.error is None
    refused(tool.call("held"))


def test_a_limit_of_its_own_is_found_where_answers_get_slower() -> None:
    """More than ten calls at once are as much slower."""
    tool = Admitted(in_flight=100, adaptive=True, least_in_flight=4, queue=1000, queue_wait=100.0)
    load = tool.route.load
    assert load.gate is not None
    for _ in range(300):
        while len(load.gate.waiting) < 10:
            tool.call(timeout=1000.0)
        flying = [each for each in tool.below.begun if not each.over]
        tool.loop.advance(0.02 * max(1.0, len(flying) / 10))
        tool.end(*flying)
    assert 8 <= load.gate.limit(tool.loop.now) <= 45


@pytest.mark.parametrize("settings", [{}, {"rate": 100.0}])
def test_calls_in_flight_are_counted_over_a_change_of_routes(settings: dict[str, Any]) -> None:
    tool = Admitted(in_flight=2, queue=0, **settings)
    first, second = tool.calls(2)
    tool.table.show(cluster("echo", "a", "b"), a=ready("a"), b=ready("b"))
    refused(tool.call())
    tool.end(first, second)
    assert tool.idle


def test_a_call_of_an_unknown_tool_passes() -> None:
    tool = Admitted(in_flight=1)
    call = call_of("other")
    tool.top.start(call)
    assert tool.began(call)
    tool.below.fail(call, NoReplica("none"))
    assert tool.idle


def fail(tool: Admitted, calls: int, apart: float = 0.02) -> list[Asked]:
    """Make calls that end as the layer of retries tells; return those that were not tried."""
    refused = []
    for _ in range(calls):
        tool.loop.advance(apart)
        call = tool.call()
        load = tool.route.load
        if not tool.began(call):
            refused.append(call)
            continue
        load.calls += 1
        load.note_failure(tool.loop.now, "the database is away")
        tool.below.fail(call, NoReplica("the database is away"))
    return refused


def test_when_every_call_fails_a_few_are_tried_and_the_others_fail_at_once() -> None:
    tool = Admitted()
    assert fail(tool, 50) == []
    untried = fail(tool, 1000, apart=0.002)
    # Of 500 per second, 10 are let through.
    assert 970 <= len(untried) <= 982
    error = untried[-1].error
    assert isinstance(error, NoReplica)
    assert "the last one with: the database is away; try again in " in error.message
    assert 500 <= error.retry_after_ms <= 1500
    assert set(tool.shed) == {Shed.OUTAGE}
    assert tool.idle


def test_a_call_that_ends_well_ends_the_outage() -> None:
    tool = Admitted()
    fail(tool, 150)
    tool.loop.advance(0.1)
    well = tool.call()
    tool.end(well)
    assert tool.route.load.out
    after = tool.calls(20)
    assert all(tool.began(each) for each in after)
    assert not tool.route.load.out
    tool.end(*after)
    assert tool.idle


def test_calls_that_come_rarely_are_all_tried() -> None:
    tool = Admitted()
    assert fail(tool, 300, apart=0.5) == []


@pytest.mark.parametrize("calls", [49, 5000])
def test_a_short_burst_of_failures_is_no_outage(calls: int) -> None:
    tool = Admitted()
    assert fail(tool, calls, apart=0.22 / calls) == []


def test_failures_among_successes_are_no_outage() -> None:
    tool = Admitted()
    for _ in range(20):
        assert fail(tool, 40) == []
        tool.end(tool.call())


def test_without_probes_all_calls_are_tried() -> None:
    tool = Admitted(probes=0)
    assert fail(tool, 1000, apart=0.01) == []


def test_new_settings_leave_an_outage() -> None:
    tool = Admitted()
    fail(tool, 150)
    tool.route.load.follow(tool.route.load.admission)
    assert not tool.route.load.out
