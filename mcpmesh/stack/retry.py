"""Tries a lost attempt again on another replica, until the answer is committed."""

from mcpmesh.errors import ReplicaLost
from mcpmesh.policy.retry import Retry
from mcpmesh.stack.call import Call, Layer, Service
from mcpmesh.stack.reply import Reply, Unsent


def retry(policy: Retry) -> Layer:
    """Try again what the policy allows; each attempt picks anew."""

    def layer(service: Service) -> Service:
        async def retried(call: Call) -> Reply:
            while True:
                try:
                    return await service(call)
                except ReplicaLost as lost:
                    unsent = isinstance(lost, Unsent)
                    if not policy.again(
                        call.attempt, unsent=unsent, idempotent=_is_idempotent(call)
                    ):
                        raise
                    if call.requests is not None and not call.requests.take_back():
                        raise
                    if call.candidate is not None:
                        call.tried = (*call.tried, call.candidate.replica.id)
                    call.attempt += 1
                    call.failure = type(lost).__name__

        return retried

    return layer


def _is_idempotent(call: Call) -> bool:
    # A streamed request is partly sent and not kept, so it cannot be sent again.
    if call.cluster is None or call.requests is not None:
        return False
    hints = call.cluster.tool.annotations
    return bool(hints.idempotent or hints.read_only)
