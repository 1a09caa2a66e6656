"""Messages that arrived on a stream and wait to be read.

The peer gets its credit back when the queue is read empty, so a slow reader slows its sender.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from mcpmesh.errors import MeshError
from mcpmesh.rpc.compression import decompress
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.message import PIECE_BYTES, PREFIX_BYTES, MessageReader, too_much


class Credited(Protocol):
    """Who is given credit for what was read: a stream."""

    def consumed(self, size: int) -> None:
        """Take back credit for body bytes."""


class MessageQueue:
    """The reading side of one call.

    Units: bytes.
    """

    __slots__ = (
        "_connection", "_held", "_kept", "_max_bytes", "_messages", "_reader", "_stream",
        "_waiters", "encoding", "ended", "error",
    )  # fmt: skip

    def __init__(
        self, stream: Credited | None, max_bytes: int, connection: Connection | None = None
    ) -> None:
        """Begin empty; a connection bounds what its queues together keep of unfinished messages."""
        self.ended = False
        #: What ends the reading, once the messages before it are read.
        self.error: BaseException | None = None
        self.encoding = b"identity"
        self._stream = stream
        self._max_bytes = max_bytes
        # Made for a body that is not one whole message per frame.
        self._reader: MessageReader | None = None
        # A view is of a compressed message.
        self._messages: deque[bytes | memoryview] = deque()
        self._held = 0
        self._connection = connection
        # Of the connection's unfinished bytes, those that are ours.
        self._kept = 0
        # Readers in the order they came; made for the first that has to wait. Only the first
        # of them is woken, and passes it on.
        self._waiters: deque[asyncio.Future[None]] | None = None

    def attach(self, stream: Credited) -> None:
        """Name the stream that is to be credited."""
        self._stream = stream

    def detach(self) -> None:
        """Forget who was credited, and the error that was told: all was read."""
        self._stream = self.error = None

    def feed(self, data: bytes) -> None:
        """Take body bytes.

        Raises: TooLarge, RemoteProtocolError, MethodNotFound for what the body breaks.
        """
        size = len(data)
        if (
            self._reader is None
            and size >= PREFIX_BYTES
            and not data[0]
            and int.from_bytes(data[1:PREFIX_BYTES], "big") == size - PREFIX_BYTES
            and size - PREFIX_BYTES <= self._max_bytes
        ):
            # One plain message in one frame: most of them.
            self._held += size
            self._messages.append(data[PREFIX_BYTES:])
            if self._waiters:
                self._wake()
            return
        self._feed_slowly(data)

    def _feed_slowly(self, data: bytes) -> None:
        if self._reader is None:
            self._reader = MessageReader(self._max_bytes)
        try:
            messages = self._reader.feed(data)
        except MeshError:
            # Nobody will read it, and the call may go on to the end of the request.
            self._credit(len(data))
            raise
        if not messages and not self._messages:
            # Part of the next message: the limit bounds it, and the rest can't come without
            # credit. Behind messages that nobody reads it has to wait with them.
            self._keep(len(data) + PIECE_BYTES)
            self._credit(len(data))
            return
        self._let_go()
        self._held += len(data)
        for compressed, payload in messages:
            self._messages.append(self._inflated(payload) if compressed else payload)
        self._wake()

    def _inflated(self, payload: bytes) -> bytes | memoryview:
        """Return a message to be read, or kept as it came behind one that waits.

        The window bounds what waits by its size on the wire; inflated it could be a thousand
        times that. Inflating it here all the same tells a broken one in time.
        """
        inflated = decompress(self.encoding, payload, self._max_bytes)
        if self._messages and len(inflated) > len(payload):
            return memoryview(payload)
        return inflated

    def _keep(self, size: int) -> None:
        connection = self._connection
        if connection is not None:
            self._kept += size
            if not connection.keep(size):
                self._let_go()
                raise too_much(connection.limits.max_unfinished_bytes)

    def _let_go(self) -> None:
        if self._kept and self._connection is not None:
            self._connection.keep(-self._kept)
            self._kept = 0

    def finish(self) -> None:
        """Note that the peer sends no more.

        Raises: RemoteProtocolError when the body ends inside a message.
        """
        if self._reader is not None:
            self._reader.finish()
        self.ended = True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """End the reading with an error."""
        if self.error is None:
            self.error = error
        self.ended = True
        self._wake()

    def take(self) -> bytes | None:
        """Return the next message, None when there is none yet."""
        if not self._messages:
            return None
        payload = self._messages.popleft()
        if not self._messages and self._held:
            self._credit(self._held)
            self._held = 0
        if type(payload) is memoryview:
            return decompress(self.encoding, bytes(payload), self._max_bytes)
        return payload

    def release(self) -> None:
        """Give back the credit of what nobody will read any more."""
        held, self._held = self._held, 0
        self._credit(held)
        if self._kept:
            self._let_go()

    async def read(self) -> bytes | None:
        """Wait for the next message; None after the last. Several may wait, and are served in turn.

        Raises: what `fail` was given.
        """
        if not self._waiters:
            payload = self.take()
            if payload is not None:
                return payload
            if self.ended:
                return self._last()
        return await self._read_in_turn()

    async def _read_in_turn(self) -> bytes | None:
        if self._waiters is None:
            self._waiters = deque()
        waiters = self._waiters
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        waiters.append(turn)
        try:
            while True:
                await turn
                payload = self.take()
                if payload is not None:
                    return payload
                if self.ended:
                    return self._last()
                turn = waiters[0] = loop.create_future()
        finally:
            # Cancelled or served: what is there, if anything, is for the next.
            waiters.remove(turn)
            if self._messages or self.ended:
                self._wake()

    def _last(self) -> bytes | None:
        """Return what comes after the last message: None, or the error."""
        if self.error is not None:
            raise self.error
        return None

    def __len__(self) -> int:
        return len(self._messages)

    def _credit(self, size: int) -> None:
        if self._stream is not None:
            self._stream.consumed(size)

    def _wake(self) -> None:
        waiters = self._waiters
        if waiters and not waiters[0].done():
            waiters[0].set_result(None)
