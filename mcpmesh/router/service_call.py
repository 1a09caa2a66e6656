"""A caller's stream of a service that replicas serve: piped both ways, unopened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.codec.status import Status, status_of
from mcpmesh.errors import InvalidCall, MeshError
from mcpmesh.router.call_head import CallHead
from mcpmesh.router.request_pipe import StreamedRequest
from mcpmesh.rpc.answer import HEAD, trailers
from mcpmesh.rpc.late_trailers import LateTrailers
from mcpmesh.stack.call import Call, Service
from mcpmesh.stack.reply import CORRELATION, Reply
from mcpmesh.stack.run import Run
from mcpmesh.wire.hpack_table import Header, Headers
from mcpmesh.wire.stream import Stream

_log = logging.getLogger("mcpmesh.router")

#: Seconds for a call whose caller names no deadline; our stack always has one. Short of the 24
#: days at which timers of other languages overflow.
_LONGEST = 7 * 86400.0


class ServiceCall:
    """One call from its head to its last byte; the sink of the caller's stream.

    It begins at the head: whether the request is one message or a stream is not known, and a
    caller may wait for an answer before it sends anything.
    """

    __slots__ = (
        "_call", "_clock", "_head", "_method", "_name", "_reply", "_request", "_run", "_service",
        "_stream",
    )  # fmt: skip

    def __init__(
        self,
        service: Service,
        stream: Stream,
        head: CallHead,
        method: str,
        name: str,
        clock: Callable[[], float],
    ) -> None:
        self._service = service
        self._stream = stream
        self._head = head
        self._method = method
        #: The gRPC service, which stands where a tool does.
        self._name = name
        self._clock = clock
        self._call: Call | None = None
        self._request: StreamedRequest | None = None
        self._run: Run[Reply] | None = None
        self._reply: Reply | None = None

    def __repr__(self) -> str:
        return f"<ServiceCall {self._call!r} reply={self._reply!r}>"

    # StreamSink

    def on_headers(self, _headers: Headers, end: bool) -> None:
        if self._request is not None:
            self._request.push(b"", True)
        elif self._head.head.problem:
            self._answer(status_of(InvalidCall(self._head.head.problem)))
        else:
            self._begin(end)

    def on_data(self, data: bytes, end: bool) -> None:
        if self._request is not None:
            self._request.push(data, end)
        else:
            self._stream.consumed(len(data))

    def on_reset(self, code: int, message: str) -> None:
        cancelled = asyncio.CancelledError(message)
        if self._reply is not None:
            self._reply.abandon()
            self._reply.end(StatusCode.CANCELLED, message)
        elif self._run is not None:
            self._run.interrupt(cancelled)
        if self._request is not None:
            self._request.cancel()

    # The way of a call

    def _begin(self, end: bool) -> None:
        head = self._head
        asked = head.head.timeout
        deadline = self._clock() + (_LONGEST if asked is None else min(asked, _LONGEST))
        call = self._call = Call(
            self._method, self._name, "", b"", head.forward, deadline, self._interrupt
        )
        call.parent = head.parent
        call.correlation_id = head.correlation_id
        call.baggage = head.baggage
        call.wait_for_ready = head.wait_for_ready
        request = self._request = call.requests = StreamedRequest(self._stream)
        if end:
            request.push(b"", True)
        run = self._run = Run(self._service(call), self._on_reply, self._on_error)
        run.resume()

    def _on_reply(self, reply: Reply) -> None:
        self._reply = reply
        reply.when_ended.append(self._forget)
        reply.pipe(self._stream, self._extra(), self._on_error)

    def _on_error(self, error: BaseException) -> None:
        if isinstance(error, asyncio.CancelledError):
            return
        if not isinstance(error, MeshError):
            _log.error("a bug of ours failed a call", exc_info=error)
        status = status_of(error)
        reply = self._reply
        self._answer(status)
        if reply is not None:
            reply.abandon()
            reply.end(status.code, status.message)
        self._forget(None, None)

    def _interrupt(self, error: MeshError) -> None:
        """End the call with an error: its deadline, or the router's own end."""
        if self._reply is not None:
            self._on_error(error)
        elif self._run is not None:
            self._run.interrupt(error)

    def _forget(self, _code: object, _message: object) -> None:
        """Let go of what the call held: it ended, and cycles cost a GC pass."""
        self._call = self._reply = self._run = None

    # The answer

    def _answer(self, status: Status) -> None:
        """Send the trailers of an error, with a head unless the answer's began already."""
        stream = self._stream
        if stream.state & 1:
            return
        repeated, rest = trailers(status.code, status.message, status.metadata)
        if self._reply is None:
            repeated = HEAD + repeated
            rest = (*self._extra(), *rest)
        if self._reply is None and not stream.state & 2:
            LateTrailers(stream, asyncio.get_running_loop(), repeated, rest, begun=False)
            return
        stream.send_headers(repeated, rest, True)
        stream.stop()

    def _extra(self) -> tuple[Header, ...]:
        call = self._call
        correlation_id = call.correlation_id if call is not None else self._head.correlation_id
        return ((CORRELATION, correlation_id.encode()),) if correlation_id else ()
