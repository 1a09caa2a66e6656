"""Calls of tools that cannot answer are refused before they cost anything, and told as always."""

from random import Random

import pytest

from mcpmesh.dispatch.call_log import CallLog
from mcpmesh.dispatch.fail_fast import FailFast
from mcpmesh.dispatch.observe import InFlight, ObserveCalls
from mcpmesh.errors import NoReplica
from mcpmesh.policy.access import Access, AccessRule
from mcpmesh.stack.authorizing import Authorizing, named_tool
from mcpmesh.stack.call import Exit
from mcpmesh.stack.layer import stacked
from mcpmesh.telemetry.setup import without_exporters
from tests.unit.router.staircase import ANSWER, OK, Staircase
from tests.unit.router.test_served_call import fields
from tests.unit.stack.virtual import Asked, Below, Table, away, call_of, cluster, coming, ready

FAILED = f"{ANSWER} grpc-status=14 grpc-message=database-away END_STREAM"


class Door:
    """A stack whose calls are noted, behind what refuses some."""

    def __init__(
        self,
        policy: dict[str, object] | None = None,
        call_log: CallLog = "off",
        access: Access | None = None,
    ) -> None:
        self.now = 100.0
        self.table = Table(policy)
        self.telemetry = without_exporters(Random(1))
        self.below = Below()
        in_flight = InFlight()
        observe = ObserveCalls(self.telemetry, lambda: self.now, in_flight, call_log)
        stack = stacked(Exit(), observe, self.below)
        shed = self.telemetry.instruments.shed
        lets = None if access is None else Authorizing(access, named_tool).lets
        self.top = FailFast(stack, observe, lambda: self.now, Random(1), shed, lets)

    def call(self, **about: object) -> Asked:
        call = call_of(**about)  # type: ignore[arg-type]
        call.route = self.table.routes.find("echo")
        self.top.start(call)
        return call

    def refuses(self, **about: object) -> bool:
        """Make a call; tell whether it was refused."""
        call = self.call(**about)
        assert (call in self.below.begun) is (call.error is None)
        return call.error is not None


def test_who_has_no_replica_is_told_so_at_once() -> None:
    door = Door()
    door.table.show(cluster("echo", "a", "b"), a=away("a"), b=away("b"))
    call = door.call(correlation_id="c-1")
    assert isinstance(call.error, NoReplica)
    assert "none of its 2 replicas takes calls now" in call.error.message
    assert (call.over, call.ends, call.correlation_id) == (True, 1, "c-1")
    assert door.call().error is not call.error
    (refusals,) = door.telemetry.instruments.refusals.points()
    assert refusals.value == 2
    (measured,) = door.telemetry.instruments.rpc_server.points()
    assert measured.attributes["rpc.response.status_code"] == "UNAVAILABLE"
    assert sum(measured.counts) == 2


def test_a_call_waits_for_a_replica_that_is_coming_or_when_it_says_so() -> None:
    door = Door()
    door.table.show(cluster("echo", "a"), a=coming("a"))
    assert not door.refuses()
    door.table.show(cluster("echo", "a"), a=away("a"))
    assert not door.refuses(wait_for_ready=True)
    assert door.refuses()
    door.table.show(cluster("echo", "a"), a=ready("a"))
    assert not door.refuses()


def test_what_another_tool_may_stand_in_for_goes_on() -> None:
    door = Door({"fallback": "other"})
    door.table.show(cluster("echo", "a"), a=away("a"))
    assert not door.refuses()


def test_who_may_not_call_a_tool_is_not_told_how_it_is() -> None:
    for allowed, told in (("other", False), ("echo", True)):
        door = Door(access=Access((AccessRule(("*",), (allowed,)),)))
        door.table.show(cluster("echo", "a"), a=away("a"))
        assert door.refuses() is told


def test_each_tool_is_told_of_its_own() -> None:
    door = Door()
    door.table.show(cluster("echo", "a"), a=away("a"))
    first = door.call()
    door.table.show(cluster("echo", "b"), b=away("b"))
    second = door.call()
    assert "(a@" in str(first.error)
    assert "(b@" in str(second.error)


@pytest.mark.parametrize(("which", "lines"), [("off", 0), ("sampled", 100), ("errors", 300)])
def test_refusals_have_lines_as_other_failures_have(
    caplog: pytest.LogCaptureFixture, which: CallLog, lines: int
) -> None:
    door = Door(call_log=which)
    door.table.show(cluster("echo", "a"), a=away("a"))
    for _ in range(300):
        door.call()
    assert len(caplog.messages) == lines
    if which != "sampled":
        return
    door.now += 1.0
    door.call()
    assert "(200 failed calls before this one have no line" in caplog.messages[-1]


def out() -> Staircase:
    """Return a tool of which 50 calls failed one after the other."""
    steps = Staircase("a")
    for number in range(50):
        steps.loop.advance(0.01)
        assert fails(steps, 2 * number + 1)
    return steps


def fails(steps: Staircase, stream: int) -> bool:
    """Make a call; tell whether the replica got it, and fail it there if so."""
    steps.begin("mcp-name=echo", stream=stream)
    steps.send(b"\0\0\0\0\2hi", end=True, stream=stream)
    return bool(fail(steps))


def fail(steps: Staircase) -> int:
    """Fail what the replica got; return how many attempts."""
    replica = steps.replicas["a"]
    heads = [line for line in replica.said() if line.startswith("HEADERS")]
    for head in heads:
        replica.hear(f"HEADERS {head.split()[1]} {FAILED}")
    return len(heads)


def test_in_an_outage_most_calls_are_not_tried_and_some_find_out() -> None:
    steps = out()
    steps.heard()
    tried = 0
    for number in range(50, 550):
        steps.loop.advance(0.002)
        tried += fails(steps, 2 * number + 1)
    assert 9 <= tried <= 11
    lines = steps.heard()
    assert len(lines) == 500
    refused = [fields(line) for line in lines]
    untried = [fields(line) for line in lines if "so this one was not tried" in line]
    assert len(untried) == 500 - tried
    assert all(500 <= int(each["grpc-retry-pushback-ms"]) <= 1500 for each in untried)
    assert {each["grpc-status"] for each in refused} == {"14"}
    (shed,) = steps.telemetry.instruments.shed.points()
    assert (shed.value, shed.attributes["mcpmesh.shed.reason"]) == (500 - tried, "outage")
    assert steps.idle


def test_the_first_answer_ends_an_outage() -> None:
    steps = out()
    steps.loop.advance(0.1)
    assert steps.call(stream=1001) == "a"
    replica = steps.replicas["a"]
    stream = replica.said()[0].split()[1]
    replica.hear(f"HEADERS {stream} {ANSWER}", f'DATA {stream} "yes"', f"HEADERS {stream} {OK}")
    for number in range(501, 520):
        assert fails(steps, 2 * number + 1)


def test_after_twenty_calls_that_failed_none_is_tried_again_until_one_is_answered() -> None:
    retry = {"attempts": 2, "budget_share": 1.0}
    steps = Staircase("a", idempotent=True, policy={"retry": retry})
    streams = iter(range(1, 1000, 2))

    def attempts() -> int:
        assert fails(steps, next(streams))
        steps.loop.advance(1.0)
        return 1 + fail(steps)

    assert [attempts() for _ in range(20)] == [2] * 20
    assert [attempts() for _ in range(10)] == [1] * 10
    steps.heard()
    steps.call(stream=next(streams))
    replica = steps.replicas["a"]
    stream = replica.said()[0].split()[1]
    replica.hear(f"HEADERS {stream} {ANSWER}", f'DATA {stream} "yes"', f"HEADERS {stream} {OK}")
    assert attempts() == 2
    assert steps.idle
