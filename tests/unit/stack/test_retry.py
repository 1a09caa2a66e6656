from random import Random

import pytest
from grpc import StatusCode

from mcpmesh.balance.balancer import Route
from mcpmesh.balance.p2c import P2CPicker
from mcpmesh.balance.tool_load import ToolLoad
from mcpmesh.errors import DeadlineExceeded, MeshError, NoReplica, Overloaded, ReplicaLost
from mcpmesh.policy.retry import GiveUp, Retry
from mcpmesh.policy.tool_policy import ToolPolicy
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Exit
from mcpmesh.stack.layer import Layer, stacked
from mcpmesh.stack.lost import Unsent
from mcpmesh.stack.retry import Retrying
from mcpmesh.wire.stream import Stream
from tests.unit.stack.virtual import Asked, VirtualLoop, call_of, cluster, ready

LOST = ReplicaLost("a: connection closed by the peer")
UNSENT = Unsent("a: not connected")
#: Longer than any wait before an attempt of these tests.
LONG = 1.0


class Attempts(Layer[Attempt]):
    """Fails as told, then answers; notes each attempt."""

    def __init__(self, *failures: MeshError, retry: Retry | None = None) -> None:
        self.loop = VirtualLoop()
        self.failures = list(failures)
        self.seen: list[tuple[int, tuple[str, ...], str]] = []
        self.at: list[float] = []
        self.answered = False
        self.given_up: list[GiveUp] = []
        policy = ToolPolicy(retry=retry or Retry(attempts=3))
        self.load = ToolLoad()
        self.routes = {
            tool: Route(
                cluster(tool, "a", "b", idempotent=tool == "safe"), P2CPicker(()),
                policy=policy, load=self.load,
            )
            for tool in ("safe", "once")
        }  # fmt: skip

    def start(self, attempt: Attempt) -> None:
        call = attempt.call
        self.seen.append((call.attempts, call.tried, call.failure))
        self.at.append(self.loop.now)
        call.candidate = ready("ab"[(len(self.seen) - 1) % 2])
        call.route = self.routes[call.tool]
        if self.failures:
            self.fail(attempt, self.failures.pop(0))
        else:
            self.answered = True
            attempt.took = 0.001
            self.end(attempt, StatusCode.OK, "")

    def call(self, tool: str, **fields: object) -> Asked:
        call = call_of(tool, route=self.routes[tool], **fields)
        call.started = self.loop.now
        call.deadline = call.started + call.timeout
        retrying = Retrying(self, self.loop, Random(3), lambda _, why: self.given_up.append(why))  # type: ignore[arg-type]
        stacked(Exit(), retrying, self).start(call)
        return call

    def interrupted(self, attempt: Attempt, error: BaseException) -> None:
        self.fail(attempt, error)


class Requests:
    """The rest of a streamed request that can, or cannot, be sent again."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept

    def connect(self, stream: Stream, first: bytes) -> None:
        raise AssertionError("nothing connects here")

    def take_back(self) -> bool:
        return self._kept


def made(attempts: Attempts, tool: str, **fields: object) -> Asked:
    """Make a call and give it all the time it wants."""
    call = attempts.call(tool, **fields)
    attempts.loop.advance(LONG)
    return call


def test_lost_attempt_of_an_idempotent_tool_goes_to_another_replica() -> None:
    attempts = Attempts(LOST)
    assert made(attempts, "safe").error is None
    assert attempts.answered
    assert attempts.seen == [(1, (), ""), (2, ("a",), "ReplicaLost")]


def test_the_next_attempt_waits_longer_each_time() -> None:
    attempts = Attempts(LOST, LOST, LOST, retry=Retry(attempts=4, first_wait=0.1))
    call = attempts.call("safe")
    assert len(attempts.seen) == 1
    assert not call.over
    attempts.loop.advance(LONG)
    first, second, third, fourth = attempts.at
    assert 0 < second - first <= 0.1
    assert 0 < third - second <= 0.2
    assert 0 < fourth - third <= 0.4
    assert attempts.answered


def test_lost_attempt_of_any_other_tool_is_the_call_s_failure_and_says_why() -> None:
    attempts = Attempts(LOST)
    error = made(attempts, "once").error
    assert isinstance(error, ReplicaLost)
    assert error.message == (
        "a: connection closed by the peer (attempt 1; not tried again: "
        "it may have taken effect, and the tool is not idempotent)"
    )
    assert error.__cause__ is LOST
    assert len(attempts.seen) == 1
    assert attempts.given_up == [GiveUp.MAY_HAVE_ACTED]


def test_what_no_replica_saw_is_tried_again_whatever_the_tool() -> None:
    attempts = Attempts(UNSENT, UNSENT)
    assert made(attempts, "once").error is None
    assert attempts.answered
    assert attempts.seen[-1] == (3, ("a", "b"), "Unsent")


def test_the_first_unsent_attempt_is_made_anew_at_once_and_at_no_cost() -> None:
    attempts = Attempts(UNSENT, LOST, LOST)
    call = attempts.call("safe")
    assert len(attempts.seen) == 2
    assert call.previous_attempts == 0
    attempts.loop.advance(LONG)
    assert attempts.answered
    assert len(attempts.seen) == 4
    assert call.previous_attempts == 2


def test_attempts_are_bounded() -> None:
    attempts = Attempts(LOST, LOST, LOST, LOST)
    error = made(attempts, "safe").error
    assert isinstance(error, ReplicaLost)
    assert "(attempt 3; not tried again: no further attempt is allowed)" in error.message
    assert len(attempts.seen) == 3


def test_retries_of_all_calls_stay_within_the_budget() -> None:
    attempts = Attempts(*[LOST] * 1000, retry=Retry(budget_share=0.1, budget_per_second=0.0))
    for _ in range(100):
        attempts.call("safe")
    attempts.loop.advance(LONG)
    assert attempts.load.calls == 100
    assert len(attempts.seen) - 100 <= 0.1 * 100
    assert GiveUp.BUDGET in attempts.given_up


def test_a_first_unsent_attempt_takes_nothing_of_the_budget() -> None:
    attempts = Attempts(UNSENT, retry=Retry(budget_share=0.0, budget_per_second=0.0))
    assert made(attempts, "once").error is None


def test_while_all_calls_fail_none_is_tried_again() -> None:
    attempts = Attempts(LOST)
    for _ in range(20):
        attempts.load.calls += 1
        attempts.load.note_failure(attempts.loop.now, "the database is away")
    assert isinstance(made(attempts, "safe").error, ReplicaLost)
    assert len(attempts.seen) == 1
    assert attempts.given_up == [GiveUp.BUDGET]


def test_a_call_that_waits_ends_when_it_is_interrupted() -> None:
    attempts = Attempts(LOST)
    call = attempts.call("safe")
    late = DeadlineExceeded("late")
    call.interrupt(late)
    attempts.loop.advance(LONG)
    assert (call.error, call.ends) == (late, 1)
    assert len(attempts.seen) == 1


@pytest.mark.parametrize("error", [Overloaded("busy"), NoReplica("none")])
def test_other_errors_are_not_tried_again(error: MeshError) -> None:
    attempts = Attempts(error)
    assert made(attempts, "safe").error is error
    assert len(attempts.seen) == 1
    assert attempts.given_up == []


def test_an_error_of_a_later_attempt_tells_which_one_it_was() -> None:
    attempts = Attempts(LOST, NoReplica("none", retry_after_ms=7))
    error = made(attempts, "safe").error
    assert isinstance(error, NoReplica)
    assert (error.message, error.retry_after_ms) == ("none (attempt 2)", 7)


def test_streamed_request_is_never_tried_again_once_a_replica_may_have_seen_it() -> None:
    attempts = Attempts(LOST)
    assert isinstance(made(attempts, "safe", requests=Requests(kept=True)).error, ReplicaLost)
    assert len(attempts.seen) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_unseen_streamed_request_is_tried_again_while_it_is_kept(kept: bool) -> None:
    attempts = Attempts(UNSENT)
    call = made(attempts, "once", requests=Requests(kept=kept))
    assert attempts.answered is kept
    assert isinstance(call.error, Unsent) is not kept
