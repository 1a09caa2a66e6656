"""One call on the server: from its head to its trailers.

A call is the sink of its stream. The servicer's method runs as a task of its own, started when
the request is complete (or at the head, for streamed requests).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import grpc
from grpc import StatusCode

from mcpmesh.codec.metadata import encode_metadata
from mcpmesh.codec.status import STATUS, status_of
from mcpmesh.errors import InvalidCall, LocalProtocolError, MeshError
from mcpmesh.rpc.answer import HEAD, TRAILERS_OK, trailers
from mcpmesh.rpc.compression import ENCODINGS, compress
from mcpmesh.rpc.context import Context
from mcpmesh.rpc.failure import Pairs, failure
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.late_trailers import LateTrailers
from mcpmesh.rpc.message_queue import MessageQueue
from mcpmesh.rpc.method import Method
from mcpmesh.rpc.task import start_task
from mcpmesh.rpc.writer import MessageWriter
from mcpmesh.transport.timers import Pending
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import frame_message, too_late
from mcpmesh.wire.stream import Stream

if TYPE_CHECKING:
    from mcpmesh.rpc.server import Server
    from mcpmesh.transport.link import Link

_log = logging.getLogger("mcpmesh.rpc")


class ServerCall:
    """A call in progress."""

    __slots__ = (
        "_context", "_deadline", "_encoding", "_head_sent", "_loop", "_method", "_queue",
        "_server", "_stream", "_task", "_timer", "_writer", "cancelled", "done", "head", "link",
        "plain_next",
    )  # fmt: skip

    def __init__(
        self, server: Server, link: Link, stream: Stream, head: RequestHead, method: Method
    ) -> None:
        self.link = link
        self.head = head
        self.cancelled = False
        self.done = False
        #: The next message leaves uncompressed.
        self.plain_next = False
        self._server = server
        self._stream = stream
        self._method = method
        self._queue = MessageQueue(stream, server.options.max_message_bytes, link.connection)
        self._queue.encoding = head.encoding
        self._context: Context | None = None
        self._writer: MessageWriter | None = None
        self._encoding = b"identity"
        self._head_sent = False
        self._task: asyncio.Task[None] | None = None
        self._timer: Pending | None = None
        self._deadline: float | None = None
        self._loop = server.loop

    def __repr__(self) -> str:
        return f"<ServerCall {self.head.path} done={self.done} cancelled={self.cancelled}>"

    # StreamSink

    def on_headers(self, _headers: Headers, end: bool) -> None:
        """Take trailers, which gRPC clients don't send; they end the request."""
        self.on_data(b"", end)

    def on_data(self, data: bytes, end: bool) -> None:
        queue = self._queue
        try:
            if data:
                queue.feed(data)
            if end:
                queue.finish()
        except MeshError as error:
            # Not withheld: the caller's own request is what is wrong.
            self._refuse(STATUS[error.grpc_code], error.message, status_of(error).metadata)
            return
        if end and self._task is None and not self.done:
            self._run_unary_request()

    def on_reset(self, code: int, message: str) -> None:
        if self.done:
            return
        self.cancelled = True
        task = self._task
        self._finish_up()
        self._queue.fail(asyncio.CancelledError(message))
        if self._writer is not None:
            self._writer.wake()
        if task is not None:
            task.cancel()

    def on_late(self) -> bool:
        if self.done or self._task is not None or self._method.request_streaming:
            return False
        error = too_late()
        self._refuse(STATUS[error.grpc_code], error.message)
        return True

    # For the context

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline; None without one."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - self._loop.time())

    async def read(self) -> Any:
        """Wait for the next request; grpc.aio.EOF after the last."""
        payload = await self._queue.read()
        return grpc.aio.EOF if payload is None else self._parse(payload)

    async def write(self, message: Any) -> None:
        """Send a response.

        Raises: asyncio.CancelledError when the caller is gone.
        """
        if self.done:
            raise asyncio.CancelledError("the call ended")
        if not self._head_sent:
            self.send_head(())
        if self._writer is None:
            self._writer = MessageWriter(self._stream)
        await self._writer.write(*self._pack(message))

    def send_head(self, metadata: tuple[tuple[str, str | bytes], ...]) -> None:
        """Send the answer's head.

        Raises: grpc.aio.UsageError when it was sent before; TooLarge when the caller would not
        take it.
        """
        if self._head_sent:
            raise grpc.aio.UsageError("Send initial metadata failed: already sent")
        if self.done:
            return
        extra = encode_metadata(metadata) if metadata else ()
        if self._encoding != b"identity":
            extra = ((b"grpc-encoding", self._encoding), *extra)
        self._stream.send_headers(HEAD, extra)
        self._head_sent = True

    def set_encoding(self, encoding: bytes) -> None:
        """Choose the compression of responses, if the caller accepts it.

        Raises: LocalProtocolError when the answer began already.
        """
        if self._head_sent:
            raise LocalProtocolError("choose the compression before the answer begins")
        accepted = self.head.fields.get(b"grpc-accept-encoding", b"").replace(b" ", b"").split(b",")
        if encoding in accepted and encoding in ENCODINGS:
            self._encoding = encoding

    def cancel(self) -> bool:
        """End the call as CANCELLED."""
        if self.done:
            return False
        self._abort(StatusCode.CANCELLED, "cancelled by the server")
        return True

    def cut_off(self) -> None:
        """End the call because the server stops; trying elsewhere is right."""
        self._abort(StatusCode.UNAVAILABLE, "the server stopped")

    # The way of a call

    def begin(self, end: bool) -> None:
        """Take the head, which may be all of the request."""
        head = self.head
        if head.problem:
            self._refuse(StatusCode.INVALID_ARGUMENT, head.problem)
            return
        if end:
            self._queue.finish()
        if head.timeout is not None:
            now = self._loop.time()
            self._deadline = now + head.timeout
            self._timer = self._server.timers.add(self._deadline, now, self)
        if self._method.request_streaming:
            self._start()
        elif end:
            self._run_unary_request()

    def _run_unary_request(self) -> None:
        """Start a method whose request is one message, now complete."""
        if len(self._queue) != 1:
            self._refuse(StatusCode.UNIMPLEMENTED, f"{len(self._queue)} request messages, not one")
            return
        self._start()

    def _start(self) -> None:
        # Added first: the method may run to its end before start_task returns.
        self._server.calls.add(self)
        task = start_task(self._loop, self._run())
        if not self.done:
            self._task = task

    async def _run(self) -> None:
        context = self._context = Context(self)
        try:
            if self._server.interceptors:
                self._method = await self._server.intercept(self.head, self._method)
            response = await self._method.run(self, context)
        except asyncio.CancelledError:
            if not self.done:
                self._end(StatusCode.CANCELLED, "the server cancelled the call")
        except Exception as error:
            code, message, metadata = failure(error, context, self.head.path)
            self._end(code, message, metadata=metadata)
        else:
            self._end(context.code() or StatusCode.OK, context.details(), response)

    async def request(self) -> Any:
        """Return the one request of a unary-request method.

        Raises: InvalidCall when it is missing or can't be read.
        """
        payload = self._queue.take()
        if payload is None:
            payload = await self._queue.read()
        if payload is None:
            raise InvalidCall("the request has no message")
        return self._parse(payload)

    def _parse(self, payload: bytes) -> Any:
        deserialize = self._method.deserialize
        if deserialize is None:
            return payload
        try:
            return deserialize(payload)
        except Exception as error:
            raise InvalidCall(f"the request is not a {self.head.path} message: {error}") from error

    def _pack(self, message: Any) -> tuple[bytes, bool]:
        serialize = self._method.serialize
        payload: bytes = message if serialize is None else serialize(message)
        if self._encoding == b"identity" or self.plain_next:
            self.plain_next = False
            return payload, False
        return compress(self._encoding, payload), True

    # The end

    def _end(
        self,
        code: StatusCode,
        message: str,
        response: Any = None,
        *,
        metadata: Pairs = (),
        at_once: bool = False,
    ) -> None:
        """Send what is left of the answer: head, the one response, trailers."""
        if self.done:
            return
        stream = self._stream
        try:
            framed = b""
            if code is StatusCode.OK and not self._method.response_streaming:
                framed = frame_message(*self._pack(response))
            context = self._context
            trailing = context.trailing_metadata() if context is not None else ()
            if metadata:
                trailing = (*trailing, *metadata)
            repeated, rest = (
                (TRAILERS_OK, ())
                if code is StatusCode.OK and not message and not trailing
                else trailers(code, message, trailing)
            )
        except Exception as error:
            _log.exception("%s: the answer cannot be sent", self.head.path)
            framed = b""
            repeated, rest = trailers(StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}")
        if not self._head_sent:
            if framed and not rest and self._queue.ended and self._encoding == b"identity":
                # The way of most unary calls: all of the answer in one step.
                self._head_sent = True
                self._finish_up()
                stream.send_answer(HEAD, (), framed, repeated)
                return
            if framed:
                self.send_head(())
            else:
                # Trailers-only: head and trailers in one block.
                self._head_sent = True
                repeated = HEAD + repeated
        if framed:
            stream.send_data(framed)
        self._finish_up()
        if self._queue.ended:
            stream.send_headers(repeated, rest, True)
        else:
            self._end_before_request(code, repeated, rest, at_once)

    def _end_before_request(
        self, code: StatusCode, repeated: Headers, rest: Headers, at_once: bool
    ) -> None:
        """Send the trailers of an answer that is complete before its request is."""
        stream, method = self._stream, self._method
        if (
            at_once
            or not method.request_streaming
            or (
                # Clients of such methods seldom write while they wait for the end.
                code is StatusCode.OK and method.response_streaming
            )
        ):
            stream.send_headers(repeated, rest, True)
            # Nobody will read the rest of the request.
            stream.stop()
        else:
            begun = stream.recv_window < self._server.options.limits.stream_window_bytes
            LateTrailers(stream, self._loop, repeated, rest, begun=begun)

    def _refuse(self, code: StatusCode, message: str, metadata: Pairs = ()) -> None:
        """End a call whose request is malformed or too large."""
        self._abort(code, message, metadata, at_once=False)

    def _abort(
        self, code: StatusCode, message: str, metadata: Pairs = (), *, at_once: bool = True
    ) -> None:
        task = self._task
        self._end(code, message, metadata=metadata, at_once=at_once)
        self.cancelled = True
        self._queue.fail(asyncio.CancelledError(message))
        if self._writer is not None:
            self._writer.wake()
        if task is not None and task is not asyncio.current_task(self._loop):
            task.cancel()

    def expire(self) -> None:
        """End the call: its deadline passed."""
        self._timer = None
        self._abort(StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    def _finish_up(self) -> None:
        self.done = True
        if self._timer is not None:
            self._timer.discard(self)
            self._timer = None
        self._server.calls.discard(self)
        self._queue.release()
        context, self._context = self._context, None
        # The task and the context know this call; what knows each other costs a GC pass.
        self._task = None
        if context is not None:
            context.run_callbacks()
