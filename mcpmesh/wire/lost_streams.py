"""Streams of a lost connection that do not know it yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcpmesh.wire.error_code import ErrorCode

if TYPE_CHECKING:
    from mcpmesh.wire.connection import Connection
    from mcpmesh.wire.stream import Stream

#: Streams that are told at once: a quarter of a millisecond of work.
_AT_ONCE = 8


class LostStreams:
    """What is left of a connection; true while some are to be told.

    A peer that opened a thousand would hold everybody else up with its end, were they told at once.
    """

    __slots__ = ("_message", "_streams")

    def __init__(self, streams: Iterable[Stream], message: str) -> None:
        self._streams = deque(streams)
        self._message = message

    def __bool__(self) -> bool:
        return bool(self._streams)

    def __repr__(self) -> str:
        return f"<LostStreams {len(self._streams)}>"

    def tell_next(self, connection: Connection) -> None:
        """End the next of them."""
        for _ in range(min(len(self._streams), _AT_ONCE)):
            stream = self._streams.popleft()
            if stream.closed and not stream.waiting:
                # It ended meanwhile, for a reason of its own.
                stream.sink = stream.taken = None
                continue
            stream.refused = not stream.id
            connection.end_stream(stream, ErrorCode.CONNECT_ERROR, self._message)
