"""A call from inside the router's process: takes an answer's frames without HTTP/2 between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from grpc import StatusCode

from mcpmesh.codec.metadata import decode_message
from mcpmesh.codec.renamed import SPOKE
from mcpmesh.codec.status import PUSHBACK, error_of, pushback_from, status_from
from mcpmesh.errors import MeshError, RemoteProtocolError
from mcpmesh.model.principal import ANONYMOUS, Principal
from mcpmesh.rpc.message_queue import MessageQueue
from mcpmesh.stack.call import Call
from mcpmesh.stack.call_head import CallHead
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import PREFIX_BYTES

_PUSHBACK = PUSHBACK.encode()


class LocalCall(Call):
    """One call of this process's own; reads like a stream of messages.

    Raises (when read): MeshError by whose fault.
    """

    __slots__ = ("_max_bytes", "_queue", "_waiter", "principal", "spoke", "taken")

    principal: Principal

    def __init__(
        self, head: CallHead, max_message_bytes: int, principal: Principal = ANONYMOUS
    ) -> None:
        super().__init__(head)
        self.principal = principal
        #: Set by the answer: credit for the replica, when messages were read.
        self.taken: Callable[[int], None] | None = None
        #: The tool that answers, when it was chosen among several.
        self.spoke = ""
        self._max_bytes = max_message_bytes
        self._queue = MessageQueue(self, max_message_bytes)
        # Whoever waits for a whole answer; told None when it comes in pieces.
        self._waiter: asyncio.Future[bytes | None] | None = None

    async def answer(self) -> bytes | None:
        """Wait for the one message of a call that has one; None for an answer without any."""
        if not self.over and not self._queue and not self._queue.ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                payload = await self._waiter
            except asyncio.CancelledError:
                self.cancel()
                raise
            finally:
                self._waiter = None
            if payload is not None:
                self._let_go()
                return payload
        payload = await self.read()
        if payload is not None and await self.read() is not None:
            # More than it may have; the first is the answer.
            self.cancel()
        return payload

    async def read(self) -> bytes | None:
        """Wait for the next message; None after the last of a call that ended well."""
        try:
            payload = await self._queue.read()
        except asyncio.CancelledError:
            self.cancel()
            raise
        except MeshError:
            self._let_go()
            raise
        if payload is None:
            self._let_go()
        return payload

    def _let_go(self) -> None:
        """Forget what knows this caller: cycles of calls made the garbage collector stop all."""
        self.taken = None
        self._queue.detach()

    def cancel(self) -> None:
        """End the call, on its replica too; harmless when it ended."""
        self.interrupt(asyncio.CancelledError())

    # Call

    @property
    def caller(self) -> LocalCall:
        return self

    def extra(self) -> Volatile:
        stand_in = self.tries.stand_in if self.tries is not None else None
        return () if stand_in is None else ((SPOKE, stand_in.tool.encode()),)

    def failed(self, error: BaseException) -> None:
        self._queue.fail(error)
        self._hand(None)

    def broken(self, error: BaseException) -> None:
        self._queue.fail(error)
        self._hand(None)

    # What an answer is sent to

    def send_headers(self, headers: Headers, volatile: Volatile = (), end: bool = False) -> None:
        """Take the head or the trailers."""
        if not end:
            self._queue.encoding = dict(headers).get(b"grpc-encoding", b"identity")
            if volatile and not isinstance(volatile, bytes):
                self.spoke = dict(volatile).get(SPOKE, b"").decode()
            return
        self._hand(None)
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

    def send_answer(
        self, headers: Headers, volatile: Volatile, data: bytes, trailers: Headers
    ) -> None:
        """Take a whole answer."""
        size = len(data) - PREFIX_BYTES
        if (
            self._waiter is not None
            and not volatile
            and size >= 0
            and not data[0]
            and int.from_bytes(data[1:PREFIX_BYTES], "big") == size
            and size <= self._max_bytes
        ):
            # One plain message: nearly every answer to a call that has one.
            self._hand(data[PREFIX_BYTES:])
            return
        self.send_message(headers, volatile, data)
        self.send_headers(trailers, (), True)

    def send_data(self, data: bytes, end: bool = False) -> None:
        """Take body bytes."""
        try:
            self._queue.feed(data)
        except MeshError as error:
            self.interrupt(error)
        self._hand(None)

    def _hand(self, payload: bytes | None) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(payload)

    def stop(self) -> None:
        """An answer's word that no more of the request is wanted; there is no more."""

    def consumed(self, size: int) -> None:
        """Pass on the credit of what was read."""
        if self.taken is not None:
            self.taken(size)

    def _finish(self) -> None:
        try:
            self._queue.finish()
        except RemoteProtocolError as error:
            self._queue.fail(error)
