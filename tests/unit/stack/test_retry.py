import pytest
from grpc import StatusCode

from mcpmesh.balance.balancer import Route
from mcpmesh.balance.p2c import P2CPicker
from mcpmesh.errors import MeshError, NoReplica, Overloaded, ReplicaLost
from mcpmesh.policy.retry import Retry
from mcpmesh.stack.attempt import Attempt, Unsent
from mcpmesh.stack.call import Exit
from mcpmesh.stack.layer import Layer, stacked
from mcpmesh.stack.retry import Retrying
from mcpmesh.wire.stream import Stream
from tests.unit.stack.virtual import Asked, call_of, cluster, ready

LOST = ReplicaLost("a: connection closed by the peer")
UNSENT = Unsent("a: not connected")
ROUTES = {
    "safe": Route(cluster("safe", "a", "b", idempotent=True), P2CPicker(())),
    "once": Route(cluster("once", "a", "b"), P2CPicker(())),
}


class Attempts(Layer[Attempt]):
    """Fails as told, then waits; notes each attempt."""

    def __init__(self, *failures: MeshError) -> None:
        self.failures = list(failures)
        self.seen: list[tuple[int, tuple[str, ...], str]] = []
        self.answered = False

    def start(self, attempt: Attempt) -> None:
        call = attempt.call
        self.seen.append((call.attempts, call.tried, call.failure))
        call.candidate = ready("ab"[(len(self.seen) - 1) % 2])
        call.route = call.route or ROUTES.get(call.tool)
        if self.failures:
            self.fail(attempt, self.failures.pop(0))
        else:
            self.answered = True
            self.end(attempt, StatusCode.OK, "")


class Requests:
    """The rest of a streamed request that can, or cannot, be sent again."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept

    def connect(self, stream: Stream, first: bytes) -> None:
        raise AssertionError("nothing connects here")

    def take_back(self) -> bool:
        return self._kept


def made(attempts: Attempts, tool: str, **fields: object) -> Asked:
    call = call_of(tool, **fields)
    stacked(Exit(), Retrying(Retry(attempts=3), attempts), attempts).start(call)  # type: ignore[arg-type]
    return call


def test_lost_attempt_of_an_idempotent_tool_goes_to_another_replica() -> None:
    attempts = Attempts(LOST)
    assert made(attempts, "safe").error is None
    assert attempts.answered
    assert attempts.seen == [(1, (), ""), (2, ("a",), "ReplicaLost")]


def test_lost_attempt_of_any_other_tool_is_the_call_s_failure() -> None:
    attempts = Attempts(LOST)
    assert made(attempts, "once").error is LOST
    assert len(attempts.seen) == 1


def test_what_no_replica_saw_is_tried_again_whatever_the_tool() -> None:
    attempts = Attempts(UNSENT, UNSENT)
    assert made(attempts, "once").error is None
    assert attempts.answered
    assert attempts.seen[-1] == (3, ("a", "b"), "Unsent")


def test_attempts_are_bounded() -> None:
    attempts = Attempts(LOST, UNSENT, LOST, LOST)
    assert made(attempts, "safe").error is LOST
    assert len(attempts.seen) == 3


@pytest.mark.parametrize("error", [Overloaded("busy"), NoReplica("none")])
def test_other_errors_are_not_tried_again(error: MeshError) -> None:
    attempts = Attempts(error)
    assert made(attempts, "safe").error is error
    assert len(attempts.seen) == 1


def test_streamed_request_is_never_tried_again_once_a_replica_may_have_seen_it() -> None:
    attempts = Attempts(LOST)
    assert made(attempts, "safe", requests=Requests(kept=True)).error is LOST


@pytest.mark.parametrize("kept", [True, False])
def test_unseen_streamed_request_is_tried_again_while_it_is_kept(kept: bool) -> None:
    attempts = Attempts(UNSENT)
    call = made(attempts, "safe", requests=Requests(kept=kept))
    assert attempts.answered is kept
    assert (call.error is UNSENT) is not kept
