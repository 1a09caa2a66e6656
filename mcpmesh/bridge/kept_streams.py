"""The streams of this bridge that clients may come back to, within bounds of time and memory."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from mcpmesh.bridge.event_mark import EventMark, read_event_id, write_mark
from mcpmesh.bridge.kept_stream import KeptStream, Reader
from mcpmesh.bridge.signing import Signer
from mcpmesh.codec.jsonrpc import Id

#: What a stream costs beside its events, and one whose call goes on.
STREAM_BYTES = 2000
CALL_BYTES = 64 * 1024


class KeptStreams:
    """Makes streams, finds them again, and forgets those that nobody comes back to.

    `name` is this bridge's among those that share its key.
    Units: `resume_within` in seconds that a stream waits for its reader, `max_bytes` of one stream,
    `max_total_bytes` of all that nobody reads: beyond it those that waited longest are forgotten,
    and calls that are not done are cancelled.
    """

    def __init__(
        self,
        name: str,
        signer: Signer,
        *,
        resume_within: float,
        max_bytes: int,
        max_total_bytes: int,
    ) -> None:
        self._name = name
        self._signer = signer
        self._resume_within = resume_within
        self._max_bytes = max_bytes
        self._max_total_bytes = max_total_bytes
        self._streams: dict[int, tuple[str, KeptStream]] = {}
        # Those that nobody reads: when they are forgotten, and their cost; the oldest first.
        self._waiting: OrderedDict[int, tuple[asyncio.TimerHandle, int]] = OrderedDict()
        self._waiting_bytes = 0
        self._count = 0

    def __len__(self) -> int:
        return len(self._streams)

    def __repr__(self) -> str:
        return f"<KeptStreams {len(self._streams)}, {len(self._waiting)} unread>"

    def open(
        self, scope: str, request_id: Id, method: str, cancel: Callable[[], object]
    ) -> "KeptStream":
        """Begin a stream; one of no session cannot be come back to, and is not kept."""
        if not scope:
            return KeptStream("", self._max_bytes, cancel)
        self._count += 1
        mark = EventMark(self._name, self._count, request_id, method)
        written = write_mark(self._signer, scope, mark)
        stream = KeptStream(written, self._max_bytes, cancel, self._count)
        self._streams[self._count] = scope, stream
        return stream

    def read_id(self, scope: str, text: str) -> tuple[EventMark, int] | None:
        """Return what an event's id says; None for one that is none of the session."""
        return read_event_id(self._signer, scope, text)

    def find(self, mark: EventMark) -> KeptStream | None:
        """Return the stream of this bridge that a mark names, if it is still there."""
        known = self._streams.get(mark.number) if self.is_ours(mark) else None
        return None if known is None else known[1]

    def is_ours(self, mark: EventMark) -> bool:
        """Tell whether a mark was written by this bridge."""
        return mark.bridge == self._name

    def numbered(self, scope: str, number: int) -> KeptStream | None:
        """Return a session's stream of this bridge by its number, if it is still there."""
        known = self._streams.get(number)
        return known[1] if known is not None and known[0] == scope else None

    def read(self, stream: KeptStream, after: int) -> Reader:
        """Let a client read a stream."""
        self._unwait(stream)
        return stream.read(after)

    def leave(self, stream: KeptStream, reader: Reader, *, told: bool) -> None:
        """Note that a client reads no more; without the id of an event (`told`) it has no way back.

        A call that nobody can read the answer of is cancelled.
        """
        stream.leave(reader)
        if stream.is_read or stream.number in self._waiting:
            return
        if not told or stream.number not in self._streams:
            self._forget(stream)
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._resume_within, self._forget, stream)
        cost = STREAM_BYTES if stream.done else CALL_BYTES
        self._waiting[stream.number] = timer, cost
        stream.grown = self._grown
        self._grown(stream.kept_bytes + cost)

    def end_session(self, scope: str) -> None:
        """Forget the streams of a session that is over."""
        for of, stream in list(self._streams.values()):
            if of == scope:
                self._forget(stream)

    def close(self) -> None:
        """Forget all: the bridge goes down."""
        for _, stream in list(self._streams.values()):
            self._forget(stream)

    def _grown(self, size: int) -> None:
        self._waiting_bytes += size
        while self._waiting_bytes > self._max_total_bytes and self._waiting:
            self._forget(self._streams[next(iter(self._waiting))][1])

    def _unwait(self, stream: KeptStream) -> None:
        waiting = self._waiting.pop(stream.number, None)
        if waiting is not None:
            timer, cost = waiting
            timer.cancel()
            stream.grown = None
            self._waiting_bytes -= stream.kept_bytes + cost

    def _forget(self, stream: KeptStream) -> None:
        self._unwait(stream)
        self._streams.pop(stream.number, None)
        if not stream.done:
            stream.cancel()
            stream.finish(None)
