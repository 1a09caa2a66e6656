"""A caller's stream on the router: gathers the request, runs the stack, pipes the answer back."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mcpmesh.codec.peek import peek
from mcpmesh.codec.status import STATUS, Status, status_of
from mcpmesh.errors import InvalidCall, MeshError, OutOfRange
from mcpmesh.router.call_head import CallHead
from mcpmesh.router.request_pipe import StreamedRequest
from mcpmesh.rpc.answer import HEAD, trailers
from mcpmesh.rpc.compression import decompress
from mcpmesh.stack.call import Call
from mcpmesh.stack.reply import CORRELATION, Reply
from mcpmesh.stack.run import Run
from mcpmesh.wire.hpack_table import Header, Headers
from mcpmesh.wire.message import PREFIX_BYTES, too_large
from mcpmesh.wire.stream import Stream

if TYPE_CHECKING:
    from mcpmesh.router.frontend import Frontend

_log = logging.getLogger("mcpmesh.router")


class ServedCall:
    """One call from its first byte to its last; the sink of the caller's stream."""

    __slots__ = (
        "_call", "_frontend", "_head", "_parts", "_reply", "_request", "_run", "_size", "_stream",
        "_streaming",
    )  # fmt: skip

    def __init__(self, frontend: Frontend, stream: Stream, head: CallHead, streaming: bool) -> None:
        self._frontend = frontend
        self._stream = stream
        self._head = head
        #: The request is a stream of messages.
        self._streaming = streaming
        self._parts: list[bytes] = []
        self._size = 0
        self._call: Call | None = None
        self._run: Run[Reply] | None = None
        self._reply: Reply | None = None
        self._request: StreamedRequest | None = None

    def __repr__(self) -> str:
        return f"<ServedCall {self._call!r} reply={self._reply!r}>"

    # StreamSink

    def on_headers(self, _headers: Headers, end: bool) -> None:
        if self._head.head.problem:
            self._refuse(InvalidCall(self._head.head.problem))
        elif end:
            self.on_data(b"", True)

    def on_data(self, data: bytes, end: bool) -> None:
        if self._request is not None:
            self._request.push(data, end)
            return
        if self._run is not None:
            # Trailers-only refusal, or trailers of the client: nothing to wait for.
            self._stream.consumed(len(data))
            return
        parts = self._parts
        if end and not parts and not self._streaming and self._is_one_message(data):
            # Most requests are one message in one frame.
            self._stream.consumed(len(data))
            self._begin(data, end)
            return
        parts.append(data)
        self._size += len(data)
        try:
            complete = self._first_message_complete(end)
        except MeshError as error:
            self._refuse(error)
            return
        if not self._streaming:
            self._stream.consumed(len(data))
            if end:
                self._begin(parts[0] if len(parts) == 1 else b"".join(parts), end)
        elif complete:
            self._begin(b"".join(parts), end, self._size - len(data))
        else:
            # The first message may be larger than the stream's window.
            self._stream.consumed(len(data))

    def on_reset(self, code: int, message: str) -> None:
        self._stop(asyncio.CancelledError(message))

    # The way of a call

    def _is_one_message(self, data: bytes) -> bool:
        size = len(data) - PREFIX_BYTES
        return 0 <= size <= self._frontend.max_message_bytes and size == int.from_bytes(
            data[1:5], "big"
        )

    def _first_message_complete(self, end: bool) -> bool:
        """Tell whether the first message is all here.

        Raises: TooLarge for one over the limit, InvalidCall when the body ends before it does.
        """
        parts = self._parts
        if self._size < PREFIX_BYTES:
            if end:
                raise InvalidCall("the request has no message")
            return False
        if len(parts[0]) < PREFIX_BYTES:
            parts[:] = [b"".join(parts)]
        needed = PREFIX_BYTES + int.from_bytes(parts[0][1:5], "big")
        limit = self._frontend.max_message_bytes
        if needed > limit + PREFIX_BYTES:
            raise too_large(f"message of {needed - PREFIX_BYTES} bytes", limit)
        if end and self._size < needed:
            raise InvalidCall("the request ends inside its message")
        if not self._streaming and self._size > needed:
            raise OutOfRange("the request has more than one message")
        return self._size >= needed

    def _begin(self, body: bytes, end: bool, credited: int = 0) -> None:
        self._parts = []
        head = self._head
        tool, version = head.tool, head.version
        if not tool:
            try:
                tool, version = self._peeked(body)
            except MeshError as error:
                self._refuse(error)
                return
        call = self._call = Call(
            head.method, tool, version, body, head.forward,
            self._frontend.deadline_of(head, tool, version), self._interrupt,
        )  # fmt: skip
        call.parent = head.parent
        call.correlation_id = head.correlation_id
        call.baggage = head.baggage
        call.wait_for_ready = head.wait_for_ready
        if self._streaming:
            self._request = call.requests = StreamedRequest(self._stream, credited)
            if end:
                self._request.push(b"", True)
        run = self._run = Run(self._frontend.service(call), self._on_reply, self._on_error)
        run.resume()

    def _peeked(self, body: bytes) -> tuple[str, str]:
        message = body[PREFIX_BYTES : PREFIX_BYTES + int.from_bytes(body[1:5], "big")]
        if body[0]:
            message = decompress(
                self._head.head.encoding, message, self._frontend.max_message_bytes
            )
        tool, version = peek(message)
        if not tool:
            raise InvalidCall("the request names no tool: set InvokeRequest.tool, or mcp-name")
        return tool, version or self._head.version

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

    def _forget(self, _code: object, _message: object) -> None:
        """Let go of what the call held: it ended, and cycles cost a GC pass."""
        self._call = self._reply = self._run = None

    def _interrupt(self, error: MeshError) -> None:
        """End the call with an error: its deadline, or the router's own end."""
        if self._reply is not None:
            self._on_error(error)
        elif self._run is not None:
            self._run.interrupt(error)

    def _stop(self, cancelled: asyncio.CancelledError) -> None:
        """End what runs for a caller that is gone."""
        if self._reply is not None:
            self._reply.abandon()
            self._reply.end(STATUS[1], str(cancelled))
        elif self._run is not None:
            self._run.interrupt(cancelled)
        if self._request is not None:
            self._request.cancel()

    # The answer

    def _refuse(self, error: MeshError) -> None:
        self._frontend.refused(self._head.head.path, error)
        self._parts = []
        self._streaming = False
        self._answer(status_of(error))
        self._stream.sink = None

    def _answer(self, status: Status) -> None:
        """Send the trailers of an error, with a head unless the answer's began already."""
        stream = self._stream
        if stream.state & 1:
            return
        repeated, rest = trailers(status.code, status.message, status.metadata)
        if self._reply is None:
            repeated = HEAD + repeated
            rest = (*self._extra(), *rest)
        stream.send_headers(repeated, rest, True)
        stream.stop()

    def _extra(self) -> tuple[Header, ...]:
        call = self._call
        # A call that was refused before the stack has the caller's id, if any.
        correlation_id = call.correlation_id if call is not None else self._head.correlation_id
        return ((CORRELATION, correlation_id.encode()),) if correlation_id else ()
