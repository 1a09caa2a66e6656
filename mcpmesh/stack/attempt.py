"""One try of a call at one replica, and its answer: piped to the caller once it is committed.

An attempt is the sink of the replica's stream. It commits at the first response message (for a
streamed request, whose messages cannot be sent again, at the head). From there on its bytes go to
the caller unopened, and the credit for them goes back when the caller's side took them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from grpc import StatusCode

from mcpmesh.codec.load_report import LOAD_REPORT
from mcpmesh.codec.metadata import decode_message
from mcpmesh.codec.status import status_from
from mcpmesh.errors import RemoteProtocolError, ReplicaLost, TooLarge
from mcpmesh.stack.held_answer import HeldAnswer, held_answer
from mcpmesh.stack.layer import outcome
from mcpmesh.stack.lost import Unsent
from mcpmesh.wire.block import Block
from mcpmesh.wire.error_code import ErrorCode
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_state import StreamState

if TYPE_CHECKING:
    from mcpmesh.balance.candidate import Candidate
    from mcpmesh.stack.call import Call
    from mcpmesh.stack.caller import Caller

OK_TRAILERS: Headers = ((b"grpc-status", b"0"),)
NO_STATUS: Headers = ((b"grpc-status", b"2"), (b"grpc-message", b"no status came"))
CORRELATION = b"x-correlation-id"
_NOT_PASSED_ON = (b"grpc-status", LOAD_REPORT)
_CLOSED = int(StreamState.CLOSED)


class Holder(Protocol):
    """The layer that has an attempt now."""

    def interrupted(self, attempt: Attempt, error: BaseException) -> None:
        """Give the attempt up, and fail it with this error."""
        ...


class Bottom(Holder, Protocol):
    """Who sent an attempt, and is told of its end."""

    def failed(self, attempt: Attempt, error: BaseException) -> None:
        """Learn that it failed before its answer began."""
        ...

    def ended(self, attempt: Attempt, code: StatusCode, message: str) -> None:
        """Learn how its answer ended."""
        ...

    def reported(self, attempt: Attempt, value: bytes) -> None:
        """Take what the replica says of its load."""
        ...


class Attempt:
    """A try, from the pick of its replica to the last byte of its answer.

    Units: `began` in seconds of `time.perf_counter`, `took` in seconds, known when it ended.
    """

    __slots__ = (
        "_caller", "_head", "began", "bottom", "call", "candidate", "fields", "held", "holder",
        "span", "stream", "took",
    )  # fmt: skip

    #: Set by the layers before anybody reads them.
    candidate: Candidate
    began: float
    took: float

    def __init__(self, call: Call, bottom: Bottom) -> None:
        self.call = call
        self.bottom = bottom
        self.holder: Holder = bottom
        #: The replica's stream; set when it is opened.
        self.stream: Stream | None = None
        #: Header fields for the replica that are this attempt's own, as `hpack_literal` writes.
        self.fields = ""
        #: The answer that is given if there is no other attempt.
        self.held: HeldAnswer | None = None
        #: The recorded span, if any.
        self.span: Any = None
        self._head: Headers = ()
        #: Set when the answer is committed.
        self._caller: Caller | None = None

    def __repr__(self) -> str:
        return f"<Attempt {self.call!r} stream={self.stream!r}>"

    @property
    def answered(self) -> bool:
        """Tell whether a head and a message of the answer came."""
        return bool(self._head) and self.committed

    @property
    def committed(self) -> bool:
        """Tell whether the caller has something of the answer, so that there is no other try."""
        return self._caller is not None

    # StreamSink

    def on_headers(self, headers: Headers, end: bool) -> None:
        if end:
            if self._caller is None:
                self._status_alone(headers)
            else:
                self._finish(headers)
            return
        self._head = headers
        if not headers or headers[0][1] != b"200":
            shown = headers[0][1].decode("latin-1") if headers else "a head over our limit"
            error = RemoteProtocolError(f"{self.candidate.name} answered {shown}, not gRPC")
            self.bottom.interrupted(self, error)
        elif self.call.requests is not None:
            self._commit(b"", ())

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        call = self.call
        if call.tries is not None and call.tries.rival is not None:
            call.tries.won(self)
        if trailers != OK_TRAILERS or call.requests is not None:
            self.on_headers(head.headers, False)
            if call.current is self:
                self.on_data(data, False)
            if call.current is self:
                self.on_headers(trailers, True)
            return
        # The head is looked through once, however many answers begin with it.
        headers = head.note
        if headers is None:
            headers = head.note = head_to_pass_on(head.headers)
        caller = self._caller = call.caller
        try:
            caller.send_answer(headers, call.extra(), data, trailers)
        except TooLarge as error:
            self._take_back(error)
            return
        self.bottom.ended(self, StatusCode.OK, "")

    def on_data(self, data: bytes, end: bool) -> None:
        caller = self._caller
        if caller is None:
            self._commit(data, NO_STATUS if end else ())
            return
        caller.send_data(data)
        if end:
            self._finish(NO_STATUS)

    def on_reset(self, code: int, message: str) -> None:
        assert self.stream is not None
        call = self.call
        if call.current is not self and (call.tries is None or call.tries.rival is not self):
            # The answer was complete before the request had left.
            return
        kind = Unsent if self.stream.refused else ReplicaLost
        error = kind(f"{self.candidate.name}: {message}")
        if self._caller is None:
            self.bottom.failed(self, error)
        else:
            self._break_off(error)

    # For the layers

    def interrupt(self, error: BaseException) -> None:
        """End the attempt with an error; harmless when it is over."""
        if self._caller is None:
            self.holder.interrupted(self, error)
        else:
            self.abandon()
            self._break_off(error)

    def abandon(self) -> None:
        """End the replica's stream; nobody wants the rest."""
        if self.stream is not None:
            self.stream.reset(ErrorCode.CANCEL)

    def give(self, told: str) -> tuple[StatusCode, str]:
        """Answer the caller with what was held, and more words; return how the call ends."""
        held = self.held
        assert held is not None
        self._send_status(held.saying(told))
        return held.code, held.message + told

    # The answer

    def _status_alone(self, trailers: Headers) -> None:
        """Take an answer without a message: if it may be replaced, the layers above decide."""
        held = self.held = None if trailers == OK_TRAILERS else held_answer(trailers)
        if held is None:
            self._commit(b"", trailers)
            return
        self._end_request()
        self.bottom.failed(self, held.error())

    def _send_status(self, trailers: Headers) -> None:
        """Answer the caller with trailers only: one block is head and trailers."""
        call = self.call
        if self._head:
            try:
                call.caller.send_headers(head_to_pass_on(self._head), call.extra())
            except TooLarge:
                # The caller would not take the head, and the status is what counts.
                call.caller.send_headers(_bare(self._head))
            call.caller.send_headers(trailers, (), True)
        else:
            call.caller.send_headers(trailers, call.extra(), True)
        if call.requests is not None:
            call.caller.stop()

    def _commit(self, data: bytes, trailers: Headers) -> None:
        """Begin to answer the caller: the head, what came of the body, and what comes."""
        call = self.call
        if call.tries is not None and call.tries.rival is not None:
            call.tries.won(self)
        caller = self._caller = call.caller
        head = self._head
        if not head:
            self._send_status(trailers)
            self._end_request()
            self.bottom.ended(self, *_status(trailers))
            return
        head = head_to_pass_on(head)
        assert self.stream is not None
        caller.taken = self.stream.consumed
        try:
            if data:
                caller.send_message(head, call.extra(), data)
            else:
                caller.send_headers(head, call.extra())
        except TooLarge as error:
            self._take_back(error)
            return
        if trailers:
            self._finish(trailers)

    def _take_back(self, error: TooLarge) -> None:
        """Fail after all: the caller would not take the answer's head."""
        self._caller = None
        self.bottom.interrupted(self, TooLarge(f"{self.candidate.name}: {error.message}"))

    def _finish(self, trailers: Headers) -> None:
        caller = self._caller
        assert caller is not None
        self._end_request()
        code, message = StatusCode.OK, ""
        if trailers == OK_TRAILERS:
            caller.send_headers(trailers, (), True)
        else:
            # What repeats is remembered by the encoder; a message or metadata is this call's own.
            first = tuple(field for field in trailers if field[0] == b"grpc-status")
            rest = tuple(field for field in trailers if field[0] not in _NOT_PASSED_ON)
            if len(first) + len(rest) < len(trailers):
                self._report(trailers)
            caller.send_headers(first, rest, True)
            code, message = _status(trailers)
        if self.call.requests is not None:
            caller.stop()
        self.bottom.ended(self, code, message)

    def _end_request(self) -> None:
        """End a request that may still be under way; nobody reads it any more."""
        stream = self.stream
        if stream is not None and (stream.queue or stream.state != _CLOSED):
            stream.reset(ErrorCode.NO_ERROR)

    def _report(self, trailers: Headers) -> None:
        """Take what the replica says of its load; that is for us, not for the caller."""
        for name, value in trailers:
            if name == LOAD_REPORT:
                self.bottom.reported(self, value)

    def _break_off(self, error: BaseException) -> None:
        """End an answer that began: its caller is told what trailers can tell."""
        if not isinstance(error, asyncio.CancelledError):
            self.call.broken(error)
        self.bottom.ended(self, *outcome(error))


def head_to_pass_on(headers: Headers) -> Headers:
    """Return what of a replica's head is passed on; the same object when that is all of it."""
    for field in headers:
        if field[0] == CORRELATION:
            return tuple(field for field in headers if field[0] != CORRELATION)
    return headers


def _bare(headers: Headers) -> Headers:
    """Return what no head can do without."""
    return tuple(field for field in headers if field[0] in (b":status", b"content-type"))


def _status(trailers: Headers) -> tuple[StatusCode, str]:
    fields = dict(trailers)
    code = status_from(fields.get(b"grpc-status", b""))
    return code, decode_message(fields.get(b"grpc-message", b""))
