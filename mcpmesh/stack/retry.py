"""Tries a lost attempt again on another replica, until the answer is committed."""

from grpc import StatusCode

from mcpmesh.errors import ReplicaLost
from mcpmesh.policy.retry import Retry
from mcpmesh.stack.attempt import Attempt, Unsent
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Crossing
from mcpmesh.stack.send import Send


class Retrying(Crossing[Call, Attempt]):
    """Makes a call's attempts: one, and what the policy allows beyond; each picks anew."""

    def __init__(self, policy: Retry, bottom: Send) -> None:
        self._policy = policy
        self._bottom = bottom

    def start(self, call: Call) -> None:
        call.attempts += 1
        attempt = call.current = Attempt(call, self._bottom)
        self.on(attempt)

    def failed(self, attempt: Attempt, error: BaseException) -> None:
        call = attempt.call
        if not isinstance(error, ReplicaLost) or not self._may_try_again(call, error):
            self.fail(call, error)
            return
        if call.candidate is not None:
            call.tried = (*call.tried, call.candidate.replica.id)
        call.failure = type(error).__name__
        # Routes may have changed with the replica that was lost.
        call.route = None
        self.start(call)

    def ended(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        self.end(attempt.call, code, message)

    def _may_try_again(self, call: Call, error: ReplicaLost) -> bool:
        unsent = isinstance(error, Unsent)
        if not self._policy.again(call.attempts, unsent=unsent, idempotent=_is_idempotent(call)):
            return False
        return call.requests is None or call.requests.take_back()


def _is_idempotent(call: Call) -> bool:
    # A streamed request is partly sent and not kept, so it cannot be sent again.
    if call.route is None or call.requests is not None:
        return False
    hints = call.route.cluster.tool.annotations
    return bool(hints.idempotent or hints.read_only)
