"""Writes what connections have to send: once per connection and turn of the event loop."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from mcpmesh.transport.liveness import LOOK
from mcpmesh.transport.moment import Moment
from mcpmesh.transport.refusals import Refusals
from mcpmesh.transport.slices import SLICE_BYTES

if TYPE_CHECKING:
    from mcpmesh.transport.link import Link
    from mcpmesh.transport.link_watch import LinkWatch

#: Seconds between looks at idle links: keepalive, handshake deadlines, flood gates.
TICK = 1.0

#: Up to this size, received bytes are taken for a lone call.
SMALL_BATCH_BYTES = 512


class Hub:
    """All links of one event loop, and those of them that have output waiting.

    Output is written at the end of the loop's turn, so that what several links brought forth
    becomes one write each. When little was received there is probably nothing to wait for, and
    it is written at once: a lone call would pay for an extra turn of the loop.
    """

    __slots__ = (
        "_dirty", "_looker", "_loop", "_receiving", "_scheduled", "_ticker", "_watched", "_watches",
        "moment", "refusals", "rng",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        rng: Random | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self.rng = rng or Random()
        self.refusals = refusals or Refusals()
        #: In which links parse what is a lot.
        self.moment = Moment(loop, self.flush)
        self._loop = loop
        self._dirty: list[Link] = []
        self._receiving = False
        self._scheduled = False
        self._ticker: asyncio.TimerHandle | None = None
        self._watches: set[LinkWatch] = set()
        # Those that look more often: whether a server answers.
        self._watched: set[LinkWatch] = set()
        self._looker: asyncio.TimerHandle | None = None

    def mark(self, link: Link) -> None:
        """Note that a link has output."""
        self._dirty.append(link)
        if not self._scheduled and not self._receiving:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def receive(self, link: Link, data: bytes) -> None:
        """Give a link its bytes; write soon what that brought forth, on whichever links."""
        if len(data) > SMALL_BATCH_BYTES:
            if len(data) > SLICE_BYTES:
                link.take_in_slices(data)
            else:
                link.take(data)
            return
        self._receiving = True
        try:
            link.take(data)
        finally:
            self._receiving = False
            if self._dirty and not self._scheduled:
                self.flush()

    def flush(self) -> None:
        """Write every link's output."""
        self._scheduled = False
        dirty = self._dirty
        while dirty:
            self._dirty = []
            for link in dirty:
                link.write_out()
            dirty = self._dirty

    def add(self, watch: LinkWatch) -> None:
        """Have a new link looked after."""
        self._watches.add(watch)
        if self._ticker is None:
            self._ticker = self._loop.call_later(TICK, self._tick)
        if watch.looks_often:
            self._watched.add(watch)
            if self._looker is None:
                self._looker = self._loop.call_later(LOOK, self._look)

    def remove(self, watch: LinkWatch) -> None:
        """Forget a link that is gone."""
        self._watches.discard(watch)
        self._watched.discard(watch)
        if not self._watched and self._looker is not None:
            self._looker.cancel()
            self._looker = None
        if not self._watches and self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def _tick(self) -> None:
        self._ticker = self._loop.call_later(TICK, self._tick)
        now = self._loop.time()
        for watch in list(self._watches):
            watch.tick(now)

    def _look(self) -> None:
        self._looker = self._loop.call_later(LOOK, self._look)
        now = self._loop.time()
        for watch in list(self._watched):
            watch.look(now)
