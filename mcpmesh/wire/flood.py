"""Counts what costs us work and brings no call forward, and ends peers that overdo it."""

from mcpmesh.wire.error_code import ConnectionFault, ErrorCode

_LATE_FRAMES = 8


class FloodGate:
    """A level that useless frames raise; useful work and time lower it.

    Answers rapid reset (CVE-2023-44487), MadeYouReset (CVE-2025-8671) and floods of SETTINGS,
    PING, PRIORITY, WINDOW_UPDATE and empty DATA. Resets have a limit of their own, for each of them
    cost us a call.
    """

    __slots__ = ("_capacity", "_late", "_reset_capacity", "level", "resets")

    def __init__(self, capacity: int, reset_capacity: int) -> None:
        self._capacity = capacity
        self._reset_capacity = reset_capacity
        self._late = 0
        self.level = 0
        #: The part of the level that resets are.
        self.resets = 0

    def __repr__(self) -> str:
        return (
            f"<FloodGate {self.level}/{self._capacity} resets={self.resets}/{self._reset_capacity}>"
        )

    def spend(self, what: str) -> None:
        """Count one useless frame.

        Raises: ConnectionFault when there were too many.
        """
        self.level += 1
        if self.level - self.resets > self._capacity:
            raise _flood(what, self._capacity)

    def spend_late(self, what: str) -> None:
        """Count one frame of which honest peers send a few around each call: eight make one.

        Raises: ConnectionFault when there were too many.
        """
        self._late += 1
        if self._late == _LATE_FRAMES:
            self._late = 0
            self.spend(what)

    def spend_reset(self, what: str) -> None:
        """Count one stream that was opened and reset, by whichever side.

        Raises: ConnectionFault when there were too many.
        """
        self.level += 1
        self.resets += 1
        if self.resets > self._reset_capacity:
            raise _flood(what, self._reset_capacity)

    def earn(self) -> None:
        """Count one useful frame or call."""
        if self.level:
            self.level -= 1
        if self.resets:
            self.resets -= 1

    def relax(self) -> None:
        """Forget a tenth of the capacities; to be called once a second."""
        frames = max(0, self.level - self.resets - max(1, self._capacity // 10))
        self.resets = max(0, self.resets - max(1, self._reset_capacity // 10))
        self.level = frames + self.resets


def _flood(what: str, limit: int) -> ConnectionFault:
    return ConnectionFault(
        ErrorCode.ENHANCE_YOUR_CALM,
        f"too many {what}: {limit} that brought no call forward",
        what.lower().replace(" ", "_"),
    )
