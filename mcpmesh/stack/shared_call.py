"""One call on behalf of several that ask the same: gathers the answer that all of them get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grpc import StatusCode

from mcpmesh.codec.metadata import decode_message
from mcpmesh.codec.status import status_from
from mcpmesh.errors import ReplicaLost, TooLarge
from mcpmesh.stack.call import Call
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers

_STATUS = b"grpc-status"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: its head, body and trailers; without a body the trailers are all of it."""

    head: Headers
    body: bytes
    trailers: Headers

    @property
    def code(self) -> StatusCode:
        """The status it ends with."""
        return status_from(dict(self.trailers).get(_STATUS, b""))

    @property
    def message(self) -> str:
        """The status's message."""
        return decode_message(dict(self.trailers).get(b"grpc-message", b""))

    @property
    def size(self) -> int:
        """Bytes of it, about."""
        fields = (*self.head, *self.trailers)
        return len(self.body) + sum(len(name) + len(value) for name, value in fields)


class SharedCall(Call):
    """The call that a replica gets; `done` is told when it ended."""

    __slots__ = (
        "_done",
        "_head",
        "_limit",
        "_parts",
        "_peer",
        "_size",
        "_trailers",
        "error",
        "taken",
    )

    def __init__(
        self, asked: Call, max_answer_bytes: int, done: Callable[[SharedCall], None]
    ) -> None:
        """Ask what a caller's call asks, with its deadline, and in its trace."""
        super().__init__(asked.head)
        self.tool, self.version = asked.tool, asked.version
        self.body = asked.body
        self.route = asked.route
        self.timeout = asked.timeout
        self.trace = asked.trace
        self.correlation_id = asked.correlation_id
        #: Credit for the replica; the answer is held, so all of it is taken as it comes.
        self.taken: Callable[[int], None] | None = None
        self.error: BaseException | None = None
        self._peer = asked.peer
        self._done = done
        self._limit = max_answer_bytes
        self._head: Headers = ()
        self._parts: list[bytes] = []
        self._size = 0
        self._trailers: Headers = ()

    @property
    def answer(self) -> Answer:
        """The answer, when it is complete and there is no `error`."""
        return Answer(self._head, b"".join(self._parts), self._trailers)

    # Call

    @property
    def caller(self) -> SharedCall:
        return self

    @property
    def peer(self) -> str:
        """Who asked first."""
        return self._peer

    def failed(self, error: BaseException) -> None:
        self.error = error

    def broken(self, error: BaseException) -> None:
        self.error = error

    def ended(self) -> None:
        self.taken = None
        if self.error is None and not self._trailers:
            self.error = ReplicaLost(f"{self.tool}: the call was given up")
        self._done(self)

    # What an answer is sent to

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Take the head or the trailers."""
        fields = (*headers, *volatile) if isinstance(volatile, tuple) else headers
        if end:
            self._trailers = fields
        else:
            self._head = fields

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        """Take the head and the first body bytes.

        Raises: TooLarge for more than is held.
        """
        if len(data) > self._limit:
            raise too_large_to_share(self.tool, self._limit)
        self.send_headers(headers, volatile)
        self.send_data(data)

    def send_answer(
        self, headers: Headers, volatile: Volatile, data: bytes, trailers: Headers
    ) -> None:
        """Take a whole answer."""
        self.send_message(headers, volatile, data)
        self.send_headers(trailers, (), True)

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Take body bytes."""
        self._size += len(data)
        if self.taken is not None:
            self.taken(len(data))
        if self._size > self._limit:
            self._parts.clear()
            self.interrupt(too_large_to_share(self.tool, self._limit))
            return
        self._parts.append(data)

    def stop(self) -> None:
        """An answer's word that no more of the request is wanted; there is no more."""


def too_large_to_share(tool: str, limit: int) -> TooLarge:
    """Return the error for an answer that cannot be held."""
    return TooLarge(
        f"{tool}: its answer is over {limit} bytes, and a tool with a cache has its answers held; "
        "raise max_message_bytes (--max-message-bytes) of the router, or take its cache away"
    )
