"""Parses a lot of bytes for a moment per turn of the loop; meanwhile no more are read.

A flood of small frames would hold everybody else up for as long as it takes to parse what one read
brings, and a transport goes on reading within one turn for as long as more comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mcpmesh.transport.moment import MOMENT, Moment
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.frame import frame_bytes

#: From so many bytes on, what came is parsed in slices.
SLICE_BYTES = 8 * 1024
#: Bytes of a slice: the first ones, and as many as it turns out to be worth.
_FIRST, _LARGEST, _SMALLEST = 1024, SLICE_BYTES // 2, 256


class Slices:
    """What came on a link and is not parsed yet.

    `take` parses bytes. Large frames are taken whole, so they are not slowed down.
    """

    __slots__ = ("_connection", "_moment", "_paused", "_rest", "_step", "_take", "_transport")

    def __init__(
        self,
        transport: asyncio.Transport,
        connection: Connection,
        take: Callable[[bytes], None],
        moment: Moment,
    ) -> None:
        self._transport: asyncio.Transport | None = transport
        self._connection = connection
        self._take = take
        self._moment = moment
        self._rest = b""
        self._paused = False
        self._step = _FIRST

    def __repr__(self) -> str:
        return f"<Slices waiting={len(self._rest)} paused={self._paused}>"

    @property
    def waiting(self) -> bool:
        """Tell whether bytes that came before wait to be parsed."""
        return self._paused

    def add(self, data: bytes) -> None:
        """Take bytes, and parse them as far as this turn allows."""
        if self._connection.closed:
            return
        self._rest += data
        if not self._paused:
            self._moment.begin()
            self._parse()

    def go_on(self) -> None:
        """Parse on: a turn of the loop is over."""
        # A closed connection stays paused: its flood is not even read until it is gone.
        if self._transport is not None and not self._connection.closed:
            self._parse()

    def stop(self) -> None:
        """Forget what waits: the connection is gone."""
        self._transport = None
        self._rest = b""

    def _parse(self) -> None:
        data, connection = self._rest, self._connection
        clock, until = self._moment.clock, self._moment.until
        size = len(data)
        position = 0
        now = clock()
        while position < size and now <= until and not connection.closed:
            missing = connection.missing_bytes() or frame_bytes(data, position)
            end = position + max(self._step, missing)
            self._take(data[position:end])
            position = end
            began, now = now, clock()
            self._adapt(now - began)
        transport = self._transport
        if transport is None or connection.closed:
            self._rest = b""
            return
        self._rest = data[position:]
        if self._rest or now > until:
            self._wait(transport)
        elif self._paused:
            self._paused = False
            transport.resume_reading()

    def _adapt(self, took: float) -> None:
        """Choose the next slice's size by how long this one took."""
        if took > MOMENT / 2:
            self._step = max(_SMALLEST, self._step // 2)
        elif took < MOMENT / 8:
            self._step = min(_LARGEST, self._step * 2)

    def _wait(self, transport: asyncio.Transport) -> None:
        self._moment.wait(self)
        if not self._paused:
            self._paused = True
            transport.pause_reading()
