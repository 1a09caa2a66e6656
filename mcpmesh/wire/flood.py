"""Counts what costs us work and brings no call forward, and ends peers that overdo it."""

from mcpmesh.wire.error_code import ConnectionFault, ErrorCode


class FloodGate:
    """A level that useless frames raise; useful work and time lower it.

    Answers rapid reset (CVE-2023-44487), MadeYouReset (CVE-2025-8671) and floods of SETTINGS,
    PING, PRIORITY and empty DATA.
    """

    __slots__ = ("_capacity", "level")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.level = 0

    def __repr__(self) -> str:
        return f"<FloodGate {self.level}/{self._capacity}>"

    def spend(self, what: str) -> None:
        """Count one useless frame.

        Raises: ConnectionFault when there were too many.
        """
        self.level += 1
        if self.level > self._capacity:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM,
                f"too many {what}: {self._capacity} frames that brought no call forward",
            )

    def earn(self) -> None:
        """Count one useful frame or call."""
        if self.level:
            self.level -= 1

    def relax(self) -> None:
        """Forget a tenth of the capacity; to be called once a second."""
        self.level = max(0, self.level - max(1, self._capacity // 10))
