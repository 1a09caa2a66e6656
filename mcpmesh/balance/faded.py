"""Sums of what was seen, in which the old counts less and less."""


class Faded:
    """The number of values seen, their sum and the sum of their squares, each fading.

    A value loses its say in two ways: with every later value, so that a change shows after a
    bounded number of them at any rate of calls, and with time, so that what nobody tries any more
    becomes uncertain again.
    Units: seconds.
    """

    __slots__ = ("_at", "_half_life", "_keep", "count", "squares", "total")

    def __init__(self, memory: int, half_life: float) -> None:
        """Remember about so many values, and half of it so long."""
        self._keep = 1.0 - 1.0 / memory
        self._half_life = half_life
        self._at = 0.0
        self.count = 0.0
        self.total = 0.0
        self.squares = 0.0

    def __repr__(self) -> str:
        return f"Faded({self.count:.1f}, mean {self.total / (self.count or 1.0):.3g})"

    def add(self, value: float, now: float) -> None:
        """Take in a value."""
        self.fade(now)
        self.count = self.count * self._keep + 1.0
        self.total = self.total * self._keep + value
        self.squares = self.squares * self._keep + value * value

    def fade(self, now: float) -> None:
        """Let time pass."""
        if now > self._at:
            left = 0.5 ** ((now - self._at) / self._half_life)
            self.count *= left
            self.total *= left
            self.squares *= left
            self._at = now
