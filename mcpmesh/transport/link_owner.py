"""Who is told what happens on a link, and on its streams beside what `wire` tells their sinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mcpmesh.wire.block import Block
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_sink import StreamSink

if TYPE_CHECKING:
    from mcpmesh.transport.link import Link


@runtime_checkable
class AwaitsRequest(Protocol):
    """A sink that can tell whether it still waits for the end of its request."""

    def on_late(self) -> bool:
        """End the call if its request should be complete by now; True if so."""
        ...


@runtime_checkable
class Relays(Protocol):
    """A sink whose answers come from elsewhere, and whose peer may not read them."""

    def on_unread(self) -> None:
        """End the call: too much waits for its peer."""


class LinkOwner(Protocol):
    """Whoever opened or accepted a link."""

    def accept(self, link: Link, stream: Stream, head: Block) -> StreamSink:
        """Return the sink of a stream that the peer opened."""
        ...

    def link_draining(self, link: Link, message: str) -> None:
        """Learn that the link takes no new streams."""

    def link_lost(self, link: Link, message: str) -> None:
        """Learn that the link is gone; all its streams were told."""
