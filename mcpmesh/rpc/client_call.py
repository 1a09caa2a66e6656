"""One call on the client: from its request to its status.

A call is the sink of its stream. It has the surface of `grpc.aio`'s call objects.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grpc import StatusCode

from mcpmesh.codec.metadata import encode_metadata
from mcpmesh.codec.status import STATUS, status_of
from mcpmesh.errors import MeshError, NoReplica
from mcpmesh.rpc.call_state import CallState
from mcpmesh.rpc.compression import compress
from mcpmesh.rpc.http_status import code_of_reset
from mcpmesh.rpc.message_queue import MessageQueue
from mcpmesh.rpc.server_words import end_of, fault_of_head
from mcpmesh.rpc.writer import MessageWriter
from mcpmesh.transport.timers import Pending
from mcpmesh.wire.block import Block
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.stream import Stream

if TYPE_CHECKING:
    from mcpmesh.rpc.channel import Channel

_log = logging.getLogger("mcpmesh.rpc")

#: Seconds by which a server may take a deadline to be earlier than it is: it is written in whole
#: units, and the loop's clock moves in milliseconds.
_ROUNDING = 0.005
OK_TRAILERS = ((b"grpc-status", b"0"),)


class CallBase(CallState):
    """What all four shapes of a call share."""

    __slots__ = (
        "_connection_wait", "_deserialize", "_encoding", "_fields", "_made_queue", "_own_fields",
        "_response", "_serialize", "_stream", "_timer", "_writer",
    )  # fmt: skip

    def __init__(
        self,
        channel: Channel,
        fields: Headers,
        own_fields: Headers,
        serialize: Callable[[Any], bytes] | None,
        deserialize: Callable[[bytes], Any] | None,
        timeout: float | None,
        encoding: bytes,
    ) -> None:
        self._channel = channel
        self._loop = loop = channel.loop
        # What repeats from call to call, and what is this call's own.
        self._fields = fields
        self._own_fields = own_fields
        self._serialize = serialize
        self._deserialize = deserialize
        self._encoding = encoding
        # Made for all but an answer that comes whole.
        self._made_queue: MessageQueue | None = None
        self._stream: Stream | None = None
        self._writer: MessageWriter | None = None
        self._head: Headers = ()
        self._trailers: Headers = ()
        self._code: StatusCode | None = None
        self._details = ""
        self._cancelled = False
        #: The one response of a call that has one.
        self._response: Any = None
        self._done: asyncio.Future[None] | None = None
        self._head_wait: asyncio.Future[None] | None = None
        self._connection_wait: asyncio.Task[None] | None = None
        self._callbacks: list[Callable[[Any], None]] = []
        self._timer: Pending | None = None
        self._expiry: float | None = None
        if timeout is not None:
            now = loop.time()
            self._expiry = now + timeout
            self._timer = channel.timers.add(max(now, self._expiry), now, self)

    # grpc.aio.RpcContext and Call

    def cancel(self) -> bool:
        """Cancel the call, on the wire too; False when it ended before."""
        if self._code is not None:
            return False
        self._cancelled = True
        self._finish(StatusCode.CANCELLED, "Locally cancelled by application!")
        return True

    async def wait_for_connection(self) -> None:
        """Wait until the call is on a connection, or ended.

        Raises: grpc.aio.AioRpcError when it ended with an error.
        """
        if self._connection_wait is not None:
            await asyncio.wait((self._connection_wait,))
        if self._cancelled:
            raise asyncio.CancelledError
        if self._code not in (None, StatusCode.OK):
            raise self.error()

    # StreamSink

    def on_headers(self, headers: Headers, end: bool) -> None:
        if not headers:
            self._finish(StatusCode.RESOURCE_EXHAUSTED, "the peer's metadata is over our limit")
        elif end:
            self._on_trailers(headers)
        else:
            self._on_head(headers)

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        self._on_head(head.headers)
        if self._code is None:
            self.on_data(data, False)
        if self._code is None:
            self._on_trailers(trailers)

    def on_relayed(self, headers: Headers, own: Headers, data: bytes, trailers: Headers) -> None:
        """Take a whole answer from who called for us; `own` are more fields of its head."""
        self._on_head(headers)
        if self._code is None:
            self._head = (*headers, *own)
            self.on_data(data, False)
        if self._code is None:
            self._on_trailers(trailers)

    def on_data(self, data: bytes, end: bool) -> None:
        try:
            self._queue.feed(data)
        except MeshError as error:
            # Whoever reads the trailers for it learns that asking again does not help.
            self._trailers = encode_metadata(status_of(error).metadata)
            self._finish(STATUS[error.grpc_code], error.message)
            return
        if end:
            self._finish(StatusCode.UNKNOWN, "the answer ended without a grpc-status")
        elif self._queue:
            self._on_message()

    def on_reset(self, code: int, message: str) -> None:
        assert self._stream is not None
        if self._channel.closed:
            self.cancel()
            return
        status = code_of_reset(code, refused=self._stream.refused)
        remaining = self.time_remaining()
        if status is StatusCode.CANCELLED and remaining is not None and remaining < _ROUNDING:
            # The deadline passed at the server first (as grpc-go tells it).
            self._finish(StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
            return
        self._finish(status, f"{self._channel.target}: {message}")

    # The way of a call

    @property
    def _queue(self) -> MessageQueue:
        """What came of the answer and is not read yet."""
        queue = self._made_queue
        if queue is None:
            most = self._channel.options.max_message_bytes
            queue = self._made_queue = MessageQueue(self._stream, most)
        return queue

    def attach(self, stream: Stream) -> None:
        """Learn of the stream that carries the call."""
        self._stream = stream
        if self._made_queue is not None:
            self._made_queue.attach(stream)

    def _volatile(self) -> Headers:
        """Return the header fields that are this call's own."""
        remaining = self.time_remaining()
        if remaining is None:
            return self._own_fields
        return (*self._own_fields, *self._channel.timeout_field(remaining))

    def _not_connected(self, error: NoReplica) -> None:
        """End a call that waits for a connection in vain; this is its waiting task."""
        self._connection_wait = None
        if self._channel.closed:
            self.cancel()
        else:
            self._finish(StatusCode.UNAVAILABLE, error.message)

    def _pack(self, message: Any) -> tuple[bytes, bool]:
        payload: bytes = message if self._serialize is None else self._serialize(message)
        if self._encoding == b"identity":
            return payload, False
        return compress(self._encoding, payload), True

    def _unpack(self, payload: bytes) -> Any:
        return payload if self._deserialize is None else self._deserialize(payload)

    def _on_head(self, headers: Headers) -> None:
        channel = self._channel
        # A server's head mostly is the same tuple again: nothing in it to look at twice.
        if headers is not channel.plain_head:
            fields = dict(headers)
            fault = fault_of_head(fields)
            if fault is not None:
                self._finish(*fault)
                return
            encoding = self._queue.encoding = fields.get(b"grpc-encoding", b"identity")
            if encoding == b"identity":
                channel.plain_head = headers
        self._head = headers
        if self._head_wait is not None and not self._head_wait.done():
            self._head_wait.set_result(None)

    def _on_trailers(self, headers: Headers) -> None:
        self._trailers = headers
        if headers == OK_TRAILERS:
            self._end_well()
            return
        code, details = end_of(headers)
        if code is StatusCode.OK:
            self._end_well(details)
        else:
            self._finish(code, details)

    def _end_well(self, details: str = "") -> None:
        try:
            self._queue.finish()
        except MeshError as error:
            self._finish(StatusCode.INTERNAL, error.message)
        else:
            self._finish(StatusCode.OK, details)

    def expire(self) -> None:
        """End the call: its deadline passed."""
        self._timer = None
        self._finish(StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")

    def _finish(self, code: StatusCode, details: str) -> None:
        """End the call; the first to say how it ended is heard."""
        if self._code is not None:
            return
        self._code = code
        self._details = details
        if self._timer is not None:
            self._timer.discard(self)
            self._timer = None
        stream = self._stream
        if stream is not None:
            # Ours may still be open, when the answer came before the request was complete.
            stream.reset()
        if self._connection_wait is not None:
            self._connection_wait.cancel()
        if code is not StatusCode.OK:
            self._queue.fail(asyncio.CancelledError(details) if self._cancelled else self.error())
        if self._writer is not None:
            self._writer.wake()
        done, head_wait = self._done, self._head_wait
        if done is not None and not done.done():
            done.set_result(None)
        if head_wait is not None and not head_wait.done():
            head_wait.set_result(None)
        if self._callbacks:
            self._call_back()

    def _on_message(self) -> None:
        """Learn that a message waits in the queue."""
