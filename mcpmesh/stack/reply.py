"""What comes back from a replica: buffered until it is committed, then piped to the caller.

A reply is the sink of the replica's stream. It commits at the first response message (for a
streamed request, whose messages cannot be sent again, at the head). From there on its bytes go
to the caller unopened, and the credit for them goes back when the caller's side took them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from grpc import StatusCode

from mcpmesh.codec.metadata import decode_message
from mcpmesh.codec.status import status_from
from mcpmesh.errors import MeshError, RemoteProtocolError, ReplicaLost
from mcpmesh.stack.promise import Promise
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.stream import Stream

OK_TRAILERS: Headers = ((b"grpc-status", b"0"),)
CORRELATION = b"x-correlation-id"
#: Told once, when the answer's body ended: the status, and why.
Ended = Callable[[StatusCode, str], None]


class Caller(Protocol):
    """Who is answered: a caller's stream, or somebody in this process."""

    taken: Callable[[int], None] | None

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Take the head or the trailers."""

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        """Take the head and the first body bytes."""

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Take body bytes."""

    def stop(self) -> None:
        """Send no more of the request."""


class Unsent(ReplicaLost):
    """The replica certainly did not act on the call: trying another is safe."""


class Reply:
    """One attempt's answer.

    `committed` is set when nothing can be tried again any more.
    """

    __slots__ = (
        "_buffer", "_caller", "_commits_at_head", "_head", "_lost", "_replica", "_trailers",
        "committed", "stream", "when_ended",
    )  # fmt: skip

    def __init__(self, replica: str, *, commits_at_head: bool) -> None:
        self.committed: Promise[None] = Promise()
        #: The replica's stream; set when it is opened.
        self.stream: Stream | None = None
        self._replica = replica
        self._commits_at_head = commits_at_head
        self._head: Headers = ()
        self._buffer: list[bytes] = []
        self._trailers: Headers = ()
        self._caller: Caller | None = None
        #: Told how the body ended, in this order, once; a list, since a method costs 0.1 µs more.
        self.when_ended: list[Ended] = []
        self._lost: Callable[[MeshError], None] | None = None

    # StreamSink

    def on_headers(self, headers: Headers, end: bool) -> None:
        if end:
            self._trailers = headers
            if self._caller is not None:
                self._finish(self._caller)
            else:
                self.committed.set_result(None)
            return
        self._head = headers
        if not headers or (headers[0][0] == b":status" and headers[0][1] != b"200"):
            shown = headers[0][1].decode("latin-1") if headers else "a head over our limit"
            self.abandon()
            self._fail(RemoteProtocolError(f"{self._replica} answered {shown}, not gRPC"))
        elif self._commits_at_head:
            self.committed.set_result(None)

    def on_data(self, data: bytes, end: bool) -> None:
        if end:
            self._trailers = ((b"grpc-status", b"2"), (b"grpc-message", b"no status came"))
        caller = self._caller
        if caller is None:
            self._buffer.append(data)
            self.committed.set_result(None)
        else:
            caller.send_data(data)
            if end:
                self._finish(caller)

    def on_reset(self, code: int, message: str) -> None:
        assert self.stream is not None
        lost = Unsent if self.stream.refused else ReplicaLost
        self._fail(lost(f"{self._replica}: {message}"))

    # For the layers

    def abandon(self) -> None:
        """End the replica's stream; nobody wants the rest."""
        if self.stream is not None:
            self.stream.reset(ErrorCode.CANCEL)

    # For the frontend

    def pipe(self, caller: Caller, extra: Volatile, lost: Callable[[MeshError], None]) -> None:
        """Send the answer to the caller: what came, and what comes, as it comes.

        `extra` fields are added to its head; `lost` is told when the replica fails midway.
        """
        stream = self.stream
        assert stream is not None
        self._caller = caller
        self._lost = lost
        head = self._head
        if head:
            for field in head:
                if field[0] == CORRELATION:
                    head = tuple(field for field in head if field[0] != CORRELATION)
                    break
        elif self._trailers:
            # Trailers only: one block is head and trailers.
            caller.send_headers(self._trailers, extra, True)
            caller.stop()
            self.end(*self._status())
            return
        caller.taken = stream.consumed
        if self._buffer:
            # Committed by its first bytes, so there is one piece of them.
            caller.send_message(head, extra, self._buffer[0])
            self._buffer.clear()
        else:
            caller.send_headers(head, extra)
        if self._trailers:
            self._finish(caller)

    def end(self, code: StatusCode, message: str) -> None:
        """Note how the answer ended; told to the layers once."""
        ended, self.when_ended = self.when_ended, []
        for tell in ended:
            tell(code, message)
        # Lets go of the caller: the two keep each other, and that costs a GC pass.
        self._lost = None

    def _finish(self, caller: Caller) -> None:
        trailers = self._trailers
        if self.stream is not None and not self.stream.closed:
            # A streamed request may still be under way; nobody reads it any more.
            self.stream.reset(ErrorCode.NO_ERROR)
        if trailers == OK_TRAILERS:
            caller.send_headers(trailers, (), True)
            caller.stop()
            self.end(StatusCode.OK, "")
            return
        # What repeats is remembered by the encoder; a message or metadata is this call's own.
        first = tuple(field for field in trailers if field[0] == b"grpc-status")
        rest = tuple(field for field in trailers if field[0] != b"grpc-status")
        caller.send_headers(first, rest, True)
        caller.stop()
        self.end(*self._status())

    def _status(self) -> tuple[StatusCode, str]:
        fields = dict(self._trailers)
        code = status_from(fields.get(b"grpc-status", b""))
        return code, decode_message(fields.get(b"grpc-message", b""))

    def _fail(self, error: MeshError) -> None:
        if not self.committed.done:
            self.committed.set_error(error)
        elif self._lost is not None:
            self._lost(error)
