"""One try at one replica: sends the request, waits for the commit, keeps the books of load."""

from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.balance.candidate import Candidate
from mcpmesh.codec.metadata import format_timeout
from mcpmesh.errors import Draining
from mcpmesh.stack.call import Call
from mcpmesh.stack.reply import Reply, Unsent
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.hpack_literal import literal_name

_TIMEOUT = literal_name("grpc-timeout")


class Attempt:
    """The service at the bottom of the stack.

    Raises (in the call): ReplicaLost, and Unsent when the replica did not see the call.
    """

    __slots__ = ("_clock",)

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    async def __call__(self, call: Call) -> Reply:
        candidate = call.candidate
        assert candidate is not None
        reply = Reply(candidate.name, commits_at_head=call.requests is not None)
        self._send(call, candidate, reply)
        candidate.in_flight += 1
        try:
            await reply.committed
        except BaseException:
            candidate.in_flight -= 1
            # Cancelled or out of time: the replica need not go on.
            reply.abandon()
            raise

        def ended(_code: StatusCode, _message: str) -> None:
            candidate.in_flight -= 1

        reply.when_ended.append(ended)
        return reply

    def _send(self, call: Call, candidate: Candidate, reply: Reply) -> None:
        connection = candidate.connection
        if not isinstance(connection, Connection):
            raise Unsent(f"{candidate.replica}: not connected")
        timeout = format_timeout(call.deadline - self._clock()).decode()
        own = f"{call.passed_on}{_TIMEOUT}{chr(len(timeout))}{timeout}".encode("latin-1")
        try:
            if call.requests is None:
                reply.stream = connection.request(call.forward, own, call.body, reply)
                return
            reply.stream = connection.open(call.forward, reply, own)
        except Draining as error:
            raise Unsent(f"{candidate.replica}: {error.message}") from error
        call.requests.connect(reply.stream, call.body)
