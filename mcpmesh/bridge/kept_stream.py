"""The stream of one answer, apart from the connection that carries it.

A client may lose its connection, or be sent away from it, and go on reading on another: what was
said stays here for a while. The newest reader reads; one before it ends.
"""

import asyncio
from collections import deque
from collections.abc import Callable

#: What an event costs beside its bytes.
EVENT_BYTES = 200


class KeptStream:
    """Messages of an answer with their numbers, from 1 on.

    `mark` begins the id of each event; empty for an answer that nobody can come back to.
    Units: `max_bytes` that are kept of it while nobody reads, and of what was read; beyond it
    the oldest notifications are dropped, but neither questions nor the response.
    """

    def __init__(
        self, mark: str, max_bytes: int, cancel: Callable[[], object], number: int = 0
    ) -> None:
        self.mark = mark
        #: Among the streams of its bridge.
        self.number = number
        #: Told by how many bytes it grew while nobody reads.
        self.grown: Callable[[int], None] | None = None
        #: Ends the answering.
        self.cancel = cancel
        #: The response was said, or there will be none.
        self.done = False
        self.kept_bytes = 0
        self._max_bytes = max_bytes
        # Number, message, and whether it may be dropped before somebody read it.
        self._events: deque[tuple[int, bytes, bool]] = deque()
        self._count = 0
        self._reader: Reader | None = None
        self._room: asyncio.Event = asyncio.Event()

    def __repr__(self) -> str:
        state = "done" if self.done else "read" if self._reader is not None else "waiting"
        return f"<KeptStream {self._count} events, {self.kept_bytes} bytes, {state}>"

    @property
    def is_read(self) -> bool:
        """Whether somebody reads now."""
        return self._reader is not None

    def read(self, after: int = 0) -> "Reader":
        """Read from now on what comes after an event; whoever read before ends."""
        if self._reader is not None:
            self._reader.end()
        self._reader = Reader(self, after)
        return self._reader

    def leave(self, reader: "Reader") -> None:
        """Note that a reader is gone."""
        if self._reader is reader:
            self._reader = None
            self._room.set()

    async def notify(self, message: bytes) -> None:
        """Say something that may get lost; waits while the reader is far behind."""
        while self._reader is not None and self._unread(self._reader) > self._max_bytes:
            self._room.clear()
            await self._room.wait()
        self._put(message, droppable=True)

    async def ask(self, message: bytes) -> None:
        """Say something that must not get lost."""
        self._put(message, droppable=False)

    def finish(self, message: bytes | None) -> None:
        """Say the response, if there is one; the stream ends with it."""
        if self.done:
            return
        self.done = True
        if message is not None:
            self._put(message, droppable=False)
        elif self._reader is not None:
            self._reader.news.set()

    def after(self, number: int) -> tuple[int, bytes] | None:
        """Return the first event after a number, if it is there."""
        for event in self._events:
            if event[0] > number:
                return event[:2]
        return None

    def taken(self) -> None:
        """Note that the reader has taken an event."""
        self._room.set()

    def _unread(self, reader: "Reader") -> int:
        return sum(len(message) for number, message, _ in self._events if number > reader.number)

    def _put(self, message: bytes, *, droppable: bool) -> None:
        self._count += 1
        self._events.append((self._count, message, droppable))
        before = self.kept_bytes
        self.kept_bytes += len(message) + EVENT_BYTES
        self._trim()
        if self._reader is not None:
            self._reader.news.set()
        elif self.grown is not None:
            self.grown(self.kept_bytes - before)

    def _trim(self) -> None:
        """Drop the oldest beyond the bound: what was read, or notifications."""
        if self.kept_bytes <= self._max_bytes:
            return
        read = self._reader.number if self._reader is not None else 0
        kept: deque[tuple[int, bytes, bool]] = deque()
        for number, message, droppable in self._events:
            size = len(message) + EVENT_BYTES
            unread = self._reader is not None and number > read
            if self.kept_bytes > self._max_bytes and (number <= read or (droppable and not unread)):
                self.kept_bytes -= size
            else:
                kept.append((number, message, droppable))
        self._events = kept


class Reader:
    """Whoever reads a stream, and how far it is."""

    def __init__(self, stream: KeptStream, after: int) -> None:
        self.number = after
        self.news = asyncio.Event()
        #: Reads no more: another reads, or the connection is to be given back.
        self.ended = False
        self._stream = stream

    def end(self) -> None:
        """Read no more."""
        self.ended = True
        self.news.set()

    async def next(self) -> tuple[int, bytes] | None:
        """Wait for the next event and return its number and message; None when that was all."""
        stream = self._stream
        while not self.ended:
            event = stream.after(self.number)
            if event is not None:
                self.number = event[0]
                stream.taken()
                return event
            if stream.done:
                return None
            self.news.clear()
            await self.news.wait()
        return None
