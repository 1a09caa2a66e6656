import pytest

from mcpmesh.errors import MeshError, NoReplica, Overloaded, ReplicaLost
from mcpmesh.policy.retry import Retry
from mcpmesh.stack.call import Call
from mcpmesh.stack.reply import Reply, Unsent
from mcpmesh.stack.retry import retry
from mcpmesh.wire.stream import Stream
from tests.unit.stack.virtual import Outcome, call_of, cluster, ready, reply_of

LOST = ReplicaLost("a: connection closed by the peer")
UNSENT = Unsent("a: not connected")
IDEMPOTENT = cluster("echo", "a", "b", idempotent=True)
ONCE = cluster("echo", "a", "b")


class Attempts:
    """A service that fails as told, then answers; notes each attempt."""

    def __init__(self, *failures: MeshError) -> None:
        self.failures = list(failures)
        self.seen: list[tuple[int, tuple[str, ...], str]] = []
        self.answer = reply_of()

    async def __call__(self, call: Call) -> Reply:
        self.seen.append((call.attempt, call.tried, call.failure))
        call.candidate = ready("ab"[(len(self.seen) - 1) % 2])
        if self.failures:
            raise self.failures.pop(0)
        return self.answer


class Requests:
    """The rest of a streamed request that can, or cannot, be sent again."""

    def __init__(self, *, kept: bool) -> None:
        self._kept = kept

    def connect(self, stream: Stream, first: bytes) -> None:
        raise AssertionError("nothing connects here")

    def take_back(self) -> bool:
        return self._kept


def outcome(attempts: Attempts, call: Call) -> Outcome:
    return Outcome(retry(Retry(attempts=3))(attempts), call)


def test_lost_attempt_of_an_idempotent_tool_goes_to_another_replica() -> None:
    attempts = Attempts(LOST)
    assert outcome(attempts, call_of(cluster=IDEMPOTENT)).reply is attempts.answer
    assert attempts.seen == [(1, (), ""), (2, ("a",), "ReplicaLost")]


def test_lost_attempt_of_any_other_tool_is_the_call_s_failure() -> None:
    attempts = Attempts(LOST)
    assert outcome(attempts, call_of(cluster=ONCE)).error is LOST
    assert len(attempts.seen) == 1


def test_what_no_replica_saw_is_tried_again_whatever_the_tool() -> None:
    attempts = Attempts(UNSENT, UNSENT)
    assert outcome(attempts, call_of(cluster=ONCE)).reply is attempts.answer
    assert attempts.seen[-1] == (3, ("a", "b"), "Unsent")


def test_attempts_are_bounded() -> None:
    attempts = Attempts(LOST, UNSENT, LOST, LOST)
    assert outcome(attempts, call_of(cluster=IDEMPOTENT)).error is LOST
    assert len(attempts.seen) == 3


@pytest.mark.parametrize("error", [Overloaded("busy"), NoReplica("none")])
def test_other_errors_are_not_tried_again(error: MeshError) -> None:
    attempts = Attempts(error)
    assert outcome(attempts, call_of(cluster=IDEMPOTENT)).error is error
    assert len(attempts.seen) == 1


def test_streamed_request_is_never_tried_again_once_a_replica_may_have_seen_it() -> None:
    attempts = Attempts(LOST)
    call = call_of(cluster=IDEMPOTENT, requests=Requests(kept=True))
    assert outcome(attempts, call).error is LOST


@pytest.mark.parametrize("kept", [True, False])
def test_unseen_streamed_request_is_tried_again_while_it_is_kept(kept: bool) -> None:
    attempts = Attempts(UNSENT)
    done = outcome(attempts, call_of(cluster=IDEMPOTENT, requests=Requests(kept=kept)))
    assert (done.reply is attempts.answer) is kept
    assert (done.error is UNSENT) is not kept
