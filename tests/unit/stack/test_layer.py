import asyncio

from grpc import StatusCode

from mcpmesh.errors import NoReplica
from mcpmesh.stack.call import Call, Exit
from mcpmesh.stack.layer import Layer, outcome, stacked
from tests.unit.stack.virtual import Below, call_of


class Both(Layer[Call]):
    """Takes part in every step, and says so."""

    def __init__(self, name: str, said: list[str]) -> None:
        self.name = name
        self.said = said

    def start(self, it: Call) -> None:
        self.said.append(f"{self.name} starts")
        self.on(it)

    def failed(self, it: Call, error: BaseException) -> None:
        self.said.append(f"{self.name} failed")
        self.fail(it, error)

    def ended(self, it: Call, code: StatusCode, message: str) -> None:
        self.said.append(f"{self.name} ended")
        self.end(it, code, message)


class Up(Layer[Call]):
    """Only cares how it ends."""

    def ended(self, it: Call, code: StatusCode, message: str) -> None:
        self.end(it, code, message)


def test_steps_go_down_and_up_in_order() -> None:
    said: list[str] = []
    below = Below()
    call = call_of()
    stacked(Exit(), Both("a", said), Both("b", said), below).start(call)
    below.end(call, StatusCode.OK, "")
    assert said == ["a starts", "b starts", "b ended", "a ended"]
    assert (call.over, call.ends) == (True, 1)


def test_a_layer_is_not_in_the_way_of_steps_it_takes_no_part_in() -> None:
    top, between, below = Exit(), Up(), Below()
    stacked(top, between, below)
    assert top.on == below.start
    assert below.fail == top.failed
    assert below.end == between.ended


def test_a_failure_is_told_who_asked_once() -> None:
    below = Below()
    call = call_of()
    stacked(Exit(), below).start(call)
    error = NoReplica("none")
    below.fail(call, error)
    call.interrupt(NoReplica("late"))
    assert (call.error, call.ends) == (error, 1)


def test_who_is_gone_is_told_nothing() -> None:
    below = Below()
    call = call_of()
    stacked(Exit(), below).start(call)
    below.fail(call, asyncio.CancelledError())
    assert (call.error, call.ends) == (None, 1)


def test_a_bug_of_a_layer_fails_the_call_and_no_more() -> None:
    class Broken(Layer[Call]):
        def start(self, it: Call) -> None:
            raise KeyError("a bug")

    call = call_of()
    stacked(Exit(), Broken()).start(call)
    assert isinstance(call.error, KeyError)
    assert call.ends == 1


def test_outcomes_are_statuses() -> None:
    assert outcome(NoReplica("none")) == (StatusCode.UNAVAILABLE, "none")
    assert outcome(asyncio.CancelledError()) == (StatusCode.CANCELLED, "the caller is gone")
    code, message = outcome(KeyError("secret"))
    assert code is StatusCode.INTERNAL
    assert "secret" not in message
