"""Who is told what happens on a connection, and decides what becomes of its streams."""

from typing import Protocol

from mcpmesh.wire.block import Block
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_sink import StreamSink


class ConnectionOwner(Protocol):
    """Whoever moves a connection's bytes."""

    def accept(self, stream: Stream, head: Block) -> StreamSink:
        """Return the sink of a stream that the peer opens (servers only).

        What it finds out about the head it may keep in `head.note`.
        """
        ...

    def on_output(self) -> None:
        """Learn that the outbox has something to write soon."""

    def on_full(self) -> None:
        """Learn that the outbox should be written now."""

    def on_goaway(self, code: int, message: str) -> None:
        """Learn that the peer takes no new streams on this connection."""

    def on_unread(self, stream: Stream) -> None:
        """Learn that answers pile up: the peer leaves more unread than we keep."""

    def on_untold(self) -> None:
        """Learn that a lost connection has more streams to tell: `tell_lost`, in a moment."""

    def on_idle(self) -> None:
        """Learn that the last open stream ended."""

    def on_pong(self, payload: bytes) -> None:
        """Learn that the peer answered a PING of ours."""
