"""The four shapes of a call on the client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable
from typing import Any

import grpc
from grpc import StatusCode

from mcpmesh.errors import NoReplica, TooLarge
from mcpmesh.rpc.client_call import OK_TRAILERS, CallBase
from mcpmesh.rpc.writer import MessageWriter
from mcpmesh.wire.block import Block
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PREFIX_BYTES, frame_message

Requests = AsyncIterable[Any] | Iterable[Any]


class UnaryRequestCall(CallBase):
    """A call with one request, sent as soon as there is a connection."""

    __slots__ = ("_packed", "_wait_for_ready")

    def begin(self, request: Any, wait_for_ready: bool) -> None:
        """Send the request, now if the channel is connected."""
        # Now, so that what can't be sent is told to the caller, connected or not.
        self._packed = self._pack(request)
        self._wait_for_ready = wait_for_ready
        connection = self._channel.connection
        if connection is not None and not connection.draining:
            self._send(connection)
        else:
            self._channel.check_open()
            self._connection_wait = self._loop.create_task(self._send_later())

    def _send(self, connection: Connection) -> None:
        framed = frame_message(*self._packed)
        self._packed = (b"", False)
        self._request(connection, framed)

    def _request(self, connection: Connection, body: bytes) -> None:
        """Send head and body; the stream may wait for the peer's limit of streams."""
        try:
            stream = connection.request(self._fields, self._volatile(), body, self)
        except TooLarge as error:
            self._finish(StatusCode.RESOURCE_EXHAUSTED, error.message)
            return
        self.attach(stream)

    async def _send_later(self) -> None:
        try:
            connection = await self._channel.ready(self._wait_for_ready)
        except NoReplica as error:
            self._not_connected(error)
        else:
            if self._code is None:
                self._connection_wait = None
                self._send(connection)


class StreamRequestCall(CallBase):
    """A call whose requests are written one by one, or come from an iterator."""

    __slots__ = ("_opened", "_sender", "_writing_done")

    def begin(self, requests: Requests | None, wait_for_ready: bool) -> None:
        """Open the stream as soon as there is a connection, and send what the iterator gives."""
        self._writing_done = False
        self._sender: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        connection = self._channel.connection
        if connection is not None and not connection.draining:
            self._start(connection)
        else:
            self._channel.check_open()
            self._connection_wait = self._loop.create_task(self._start_later(wait_for_ready))
        if requests is not None:
            self._sender = self._loop.create_task(self._send_all(requests))
        self.add_done_callback(lambda _call: self._stop())

    def _start(self, connection: Connection) -> None:
        self._open(connection)
        if not self._opened.done():
            self._opened.set_result(None)

    def _open(self, connection: Connection) -> None:
        """Send the head; the stream may wait for the peer's limit of streams."""
        try:
            stream = connection.open(self._fields, self, self._volatile())
        except TooLarge as error:
            self._finish(StatusCode.RESOURCE_EXHAUSTED, error.message)
            return
        self.attach(stream)
        self._writer = MessageWriter(stream)

    async def _start_later(self, wait_for_ready: bool) -> None:
        try:
            connection = await self._channel.ready(wait_for_ready)
        except NoReplica as error:
            self._not_connected(error)
        else:
            if self._code is None:
                self._connection_wait = None
                self._start(connection)

    def _stop(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)
        if self._sender is not None and self._sender is not _current_task():
            self._sender.cancel()

    async def write(self, request: Any) -> None:
        """Send a request; waits while the server is behind with reading.

        Raises: grpc.aio.AioRpcError when the call ended, asyncio.InvalidStateError after
        done_writing.
        """
        if self._writing_done:
            raise asyncio.InvalidStateError('RPC is half closed after calling "done_writing".')
        await self._when_opened()
        self._check_alive()
        assert self._writer is not None
        await self._writer.write(*self._pack(request))
        self._check_alive()

    async def done_writing(self) -> None:
        """Say that no more requests come."""
        if self._writing_done:
            return
        self._writing_done = True
        await self._when_opened()
        if self._code is None and self._stream is not None:
            self._stream.send_data(b"", True)

    async def _when_opened(self) -> None:
        # A shield: who gives up waiting must not take the others' future along.
        if not self._opened.done():
            await asyncio.shield(self._opened)

    def _check_alive(self) -> None:
        if self._cancelled:
            raise asyncio.CancelledError
        if self._code is not None:
            if self._code is StatusCode.OK:
                raise asyncio.InvalidStateError("RPC is finished")
            raise self.error()

    async def _send_all(self, requests: Requests) -> None:
        try:
            if isinstance(requests, AsyncIterable):
                async for request in requests:
                    await self.write(request)
            else:
                for request in requests:
                    await self.write(request)
            await self.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The call ended first; whoever reads it learns how.
            pass
        except asyncio.CancelledError:
            if self._code is None:
                self.cancel()
            raise
        except Exception as error:
            self._finish(StatusCode.UNKNOWN, f"the request iterator failed: {error}")
        finally:
            if inspect.isasyncgen(requests):
                await requests.aclose()


class UnaryResponse(CallBase):
    """Awaiting the call gives its one response."""

    __slots__ = ()

    def _message(self) -> bytes | None:
        """Return the message of an answer that ended well; None without one."""
        return self._queue.take()

    def __await__(self) -> Generator[Any, None, Any]:
        if self._code is None:
            self._done = self._done or self._loop.create_future()
            try:
                yield from self._done
            except asyncio.CancelledError:
                self.cancel()
                raise
        if self._code is StatusCode.OK:
            if self._response is None:
                payload = self._message()
                if payload is None:
                    self._code = StatusCode.UNIMPLEMENTED
                    self._details = "the answer has no message"
                    raise self.error()
                self._response = self._unpack(payload)
            return self._response
        if self._cancelled:
            raise asyncio.CancelledError
        raise self.error()


class StreamResponse(CallBase):
    """Iterating the call, or reading it, gives its responses."""

    __slots__ = ()

    async def read(self) -> Any:
        """Wait for the next response; grpc.aio.EOF after the last.

        Raises: grpc.aio.AioRpcError when the call ended with an error.
        """
        try:
            payload = await self._queue.read()
            if payload is None:
                await self._ended()
                if self._code is not StatusCode.OK:
                    raise self.error()
                return grpc.aio.EOF
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._unpack(payload)

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (response := await self.read()) is not grpc.aio.EOF:
            yield response


class UnaryUnaryCall(UnaryRequestCall, UnaryResponse):
    """One request, one response, which mostly comes whole."""

    __slots__ = ("_payload",)

    _payload: bytes

    def on_answer(self, head: Block, data: bytes, trailers: Headers) -> None:
        self.on_relayed(head.headers, (), data, trailers)

    def on_relayed(self, headers: Headers, own: Headers, data: bytes, trailers: Headers) -> None:
        size = len(data) - PREFIX_BYTES
        channel = self._channel
        if (
            headers is not channel.plain_head
            or trailers != OK_TRAILERS
            or size < 0
            or data[0]
            or int.from_bytes(data[1:PREFIX_BYTES], "big") != size
            or size > channel.options.max_message_bytes
            or self._code is not None
        ):
            super().on_relayed(headers, own, data, trailers)
            return
        # One plain message, and all is well: nothing to queue, and nothing left of the stream.
        self._head = (*headers, *own) if own else headers
        self._trailers = trailers
        self._payload = data[PREFIX_BYTES:]
        self._stream = None
        self._finish(StatusCode.OK, "")

    def _message(self) -> bytes | None:
        return self._payload if self._made_queue is None else super()._message()


class UnaryStreamCall(UnaryRequestCall, StreamResponse):
    """One request, a stream of responses."""

    __slots__ = ()


class StreamUnaryCall(StreamRequestCall, UnaryResponse):
    """A stream of requests, one response."""

    __slots__ = ()


class StreamStreamCall(StreamRequestCall, StreamResponse):
    """A stream each way, independent of each other."""

    __slots__ = ()


# For interceptors, and others who ask what kind of call they have.
grpc.aio.UnaryUnaryCall.register(UnaryUnaryCall)
grpc.aio.UnaryStreamCall.register(UnaryStreamCall)
grpc.aio.StreamUnaryCall.register(StreamUnaryCall)
grpc.aio.StreamStreamCall.register(StreamStreamCall)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
