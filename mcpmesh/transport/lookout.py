"""Decides, once a second, whether a link's peer was waited for long enough."""

from collections import deque
from enum import Enum
from itertools import takewhile
from random import Random

from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.wire.connection import Connection
from mcpmesh.wire.stream import Stream
from mcpmesh.wire.stream_state import REMOTE_ENDED

#: The part of the age by which links are drained sooner or later, so that those that came together
#: (after a restart) do not leave together.
_AGE_JITTER = 0.1


class Overdue(Enum):
    """What did not happen in time; the value is the reason that is counted."""

    HANDSHAKE = "handshake_timeout"
    HEADERS = "header_timeout"
    IDLE = "idle_timeout"
    AGE = "connection_age"
    GRACE = "connection_age_grace"


class Lookout:
    """Notes when things began on one connection.

    Works from what is there once a second, so that calls pay nothing for it.
    Units: seconds of the event loop's clock.
    """

    __slots__ = ("_born", "_busy", "_drain_at", "_head", "_head_since", "_last_id", "_marks",
                 "_old_id", "_times")  # fmt: skip

    def __init__(self, times: LinkTimes, now: float, rng: Random) -> None:
        self._times = times
        self._born = self._busy = self._head_since = now
        jitter = 1 + _AGE_JITTER * (2 * rng.random() - 1)
        self._drain_at = now + times.age * jitter if times.age else float("inf")
        self._head = 0
        self._last_id = 0
        # When which stream was the newest, and the newest of those that are too old by now.
        self._marks: deque[tuple[float, int]] = deque()
        self._old_id = 0

    def look(self, now: float, connection: Connection) -> Overdue | None:
        """Return what the peer was too slow with, if anything."""
        times = self._times
        if not connection.settings_seen:
            return Overdue.HANDSHAKE if now - self._born > times.handshake else None
        if self._head_overdue(now, connection.unfinished_head()):
            return Overdue.HEADERS
        if connection.client:
            return None
        if connection.streams or connection.last_peer_id != self._last_id:
            self._busy = now
        self._mark(now, connection.last_peer_id)
        if connection.draining:
            late = now > self._drain_at + times.age_grace
            return Overdue.GRACE if late else None
        if now > self._drain_at:
            return Overdue.AGE
        if times.idle and now - self._busy > times.idle:
            return Overdue.IDLE
        return None

    def late_requests(self, connection: Connection) -> list[Stream]:
        """Return the streams whose request began too long ago and has not ended."""
        old_id = self._old_id
        if not old_id or not connection.streams:
            return []
        old = takewhile(lambda stream: stream.id <= old_id, connection.streams.values())
        return [stream for stream in old if not stream.state & REMOTE_ENDED]

    def _head_overdue(self, now: float, head: int) -> bool:
        if not head or head != self._head:
            self._head, self._head_since = head, now
            return False
        return now - self._head_since > self._times.header

    def _mark(self, now: float, last_id: int) -> None:
        if last_id != self._last_id:
            self._last_id = last_id
            self._marks.append((now, last_id))
        while self._marks and now - self._marks[0][0] >= self._times.request:
            _, self._old_id = self._marks.popleft()
