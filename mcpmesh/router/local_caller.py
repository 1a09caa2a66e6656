"""A caller inside the router's process: takes an answer's frames without HTTP/2 between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.codec.metadata import decode_message
from mcpmesh.codec.status import PUSHBACK, STATUS, error_of, pushback_from, status_from
from mcpmesh.errors import MeshError, RemoteProtocolError
from mcpmesh.rpc.message_queue import MessageQueue
from mcpmesh.stack.call import Call, Service
from mcpmesh.stack.reply import Reply
from mcpmesh.stack.run import Run
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers

_PUSHBACK = PUSHBACK.encode()


class LocalCaller:
    """One call of this process's own; reads like a stream of messages.

    Raises (when read): MeshError by whose fault.
    """

    __slots__ = ("_queue", "_reply", "_run", "taken")

    def __init__(self, max_message_bytes: int) -> None:
        #: Set by the reply: credit for the replica, when messages were read.
        self.taken: Callable[[int], None] | None = None
        self._queue = MessageQueue(self, max_message_bytes)
        self._reply: Reply | None = None
        self._run: Run[Reply] | None = None

    def start(self, service: Service, call: Call) -> None:
        """Let the call run."""
        self._run = Run(service(call), self._on_reply, self._on_error)
        self._run.resume()

    async def read(self) -> bytes | None:
        """Wait for the next message; None after the last of a call that ended well."""
        try:
            return await self._queue.read()
        except asyncio.CancelledError:
            self.cancel()
            raise

    def cancel(self) -> None:
        """End the call, on its replica too; harmless when it ended."""
        if self._reply is not None:
            self._reply.abandon()
            self._reply.end(StatusCode.CANCELLED, "cancelled")
        elif self._run is not None:
            self._run.interrupt(asyncio.CancelledError())

    def interrupt(self, error: MeshError) -> None:
        """End the call with an error: its deadline."""
        if self._reply is not None:
            self._reply.abandon()
            self._reply.end(STATUS[error.grpc_code], error.message)
            self._queue.fail(error)
        elif self._run is not None:
            self._run.interrupt(error)

    # What a reply sends to

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Take the head or the trailers."""
        if not end:
            self._queue.encoding = dict(headers).get(b"grpc-encoding", b"identity")
            return
        fields = dict((*headers, *volatile))
        code = status_from(fields.get(b"grpc-status", b""))
        if code is StatusCode.OK:
            self._finish()
        else:
            self._queue.fail(
                error_of(
                    code,
                    decode_message(fields.get(b"grpc-message", b"")),
                    retry_after_ms=pushback_from(fields.get(_PUSHBACK, b"")),
                )
            )

    def send_message(self, headers: Headers, volatile: Volatile, data: bytes) -> None:
        """Take the head and the first body bytes."""
        self.send_headers(headers, volatile)
        self.send_data(data)

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Take body bytes."""
        try:
            self._queue.feed(data)
        except MeshError as error:
            self.interrupt(error)

    def stop(self) -> None:
        """A reply's word that no more of the request is wanted; there is no more."""

    def consumed(self, size: int) -> None:
        """Pass on the credit of what was read."""
        if self.taken is not None:
            self.taken(size)

    def _finish(self) -> None:
        try:
            self._queue.finish()
        except RemoteProtocolError as error:
            self._queue.fail(error)

    def _on_reply(self, reply: Reply) -> None:
        self._reply = reply
        reply.pipe(self, (), self.interrupt)

    def _on_error(self, error: BaseException) -> None:
        self._queue.fail(error)
