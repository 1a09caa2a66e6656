"""Looks after one link: what takes its peer too long, and whether the peer answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mcpmesh.transport.late_requests import LateRequests
from mcpmesh.transport.liveness import Liveness, Sign
from mcpmesh.transport.lookout import Lookout, Overdue
from mcpmesh.wire.error_code import ErrorCode

if TYPE_CHECKING:
    from mcpmesh.transport.link import Link

_KEEPALIVE_PING = b"mcpmeshK"
_OVERDUE = {
    Overdue.HANDSHAKE: (ErrorCode.SETTINGS_TIMEOUT, "no HTTP/2 settings came in time"),
    Overdue.HEADERS: (ErrorCode.ENHANCE_YOUR_CALM, "a header block was not complete in time"),
    Overdue.GRACE: (ErrorCode.NO_ERROR, "the connection is too old"),
}
_DRAINED = {
    Overdue.IDLE: "no calls for a long time",
    Overdue.AGE: "the connection is too old",
}


class LinkWatch:
    """Has a link end, drain or ask its peer when time says so.

    `on_silence` is told when a server that has calls of ours stops to answer, and when it is heard
    again.
    Units: seconds of the event loop's clock.
    """

    __slots__ = ("_heard", "_link", "_liveness", "_lookout", "_on_silence", "_pinged", "_ponged")

    def __init__(
        self, link: Link, now: float, on_silence: Callable[[Link, bool], None] | None
    ) -> None:
        silence = link.times.silence
        self._link = link
        self._lookout = Lookout(link.times, now, link.hub.rng)
        self._on_silence = on_silence
        self._liveness = Liveness(silence) if on_silence is not None and silence else None
        self._heard = now
        self._pinged = 0.0
        self._ponged = False

    @property
    def looks_often(self) -> bool:
        """Tell whether `look` is to be called, beside `tick`."""
        return self._liveness is not None

    def pong(self) -> None:
        """Take note of the answer to a PING."""
        self._pinged = 0.0
        self._ponged = True

    def tick(self, now: float) -> None:
        """Look after the link once a second."""
        link = self._link
        connection = link.connection
        if link.left:
            return
        connection.flood.relax()
        if connection.outbox.ready:
            # Credit may have come that was too little to look at.
            connection.pump()
        if self._liveness is None:
            self._hear(now)
        if overdue := self._lookout.look(now, connection):
            self._end(overdue, now)
            return
        if late := self._lookout.late_requests(connection):
            link.hub.moment.wait(LateRequests(link, late, now))
            link.hub.moment.begin()
        keepalive = link.times.keepalive
        if self._pinged:
            if now - self._pinged > keepalive:
                why = f"{link.peer_name} did not answer for {keepalive} s"
                link.end(ErrorCode.NO_ERROR, "keepalive", why)
        elif self._liveness is None and connection.streams and now - self._heard > keepalive:
            self._ask(now)

    def look(self, now: float) -> None:
        """Look whether the server answers, a few times a second."""
        link, liveness = self._link, self._liveness
        connection = link.connection
        if link.left or liveness is None or not connection.settings_seen:
            return
        sign = liveness.look(
            heard=self._hear(now),
            only_pong=self._ponged,
            busy=bool(connection.streams),
            last_id=connection.last_own_id,
        )
        self._ponged = False
        if sign is Sign.ASK:
            self._ask(now)
        elif sign is not None and self._on_silence is not None:
            self._on_silence(link, sign is Sign.SILENT)

    def _hear(self, now: float) -> bool:
        """Tell whether anything came since the last time.

        Noted here, not for every batch of bytes: the time of a look is near enough.
        """
        link = self._link
        if not link.heard:
            return False
        link.heard = False
        self._heard, self._pinged = now, 0.0
        return True

    def _ask(self, now: float) -> None:
        self._pinged = now
        self._link.connection.ping(_KEEPALIVE_PING)

    def _end(self, overdue: Overdue, now: float) -> None:
        link = self._link
        if overdue in _DRAINED:
            why = _DRAINED[overdue]
            link.hub.refusals.note(overdue.value, link.peer_name, f"connection drained: {why}", now)
            link.drain(why)
        else:
            code, why = _OVERDUE[overdue]
            link.end(code, overdue.value, why)
