"""Ends the calls whose requests take too long, a moment per turn of the loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcpmesh.transport.link_owner import AwaitsRequest
from mcpmesh.wire.stream import Stream

if TYPE_CHECKING:
    from mcpmesh.transport.link import Link


class LateRequests:
    """The streams of a link that may wait for the end of their request for too long.

    A peer can have a thousand of them, which come due together.
    Units: seconds of the event loop's clock.
    """

    __slots__ = ("_link", "_now", "_streams")

    def __init__(self, link: Link, streams: list[Stream], now: float) -> None:
        self._link = link
        self._streams: Iterator[Stream] = iter(streams)
        self._now = now

    def go_on(self) -> None:
        """End the next of them, for as long as the turn's moment lasts."""
        moment = self._link.hub.moment
        for stream in self._streams:
            self._end(stream)
            if moment.clock() > moment.until:
                moment.wait(self)
                return

    def _end(self, stream: Stream) -> None:
        link = self._link
        sink: object = stream.sink
        if isinstance(sink, AwaitsRequest) and sink.on_late():
            what = f"call ended: its request took over {link.times.request:g} s"
            link.hub.refusals.note("request_timeout", link.peer_name, what, self._now)
