"""Choices read from a fuzzer's bytes, so that what mutates bytes mutates decisions.

When the bytes run out every choice is the first one, so a short input is a short story.
"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Deals from bytes, front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes not yet dealt."""
        return len(self._data) - self._at

    def byte(self) -> int:
        """Deal one byte; 0 when there is none."""
        at = self._at
        if at >= len(self._data):
            return 0
        self._at = at + 1
        return self._data[at]

    def below(self, bound: int) -> int:
        """Deal a number from 0 up to, not including, `bound`."""
        value = self.byte()
        if bound > 256:
            value = value << 8 | self.byte()
        if bound > 65_536:
            value = value << 16 | self.byte() << 8 | self.byte()
        return value % bound

    def chance(self, of: int = 2) -> bool:
        """Say yes once in so many times; no when the bytes ran out."""
        return self.byte() % of == 1

    def pick(self, values: Sequence[T]) -> T:
        """Deal one of some values."""
        return values[self.below(len(values))]

    def bytes(self, size: int) -> bytes:
        """Deal so many bytes, or what is left."""
        start, self._at = self._at, min(self._at + size, len(self._data))
        return self._data[start : self._at]

    def text(self, most: int = 15) -> bytes:
        """Deal a short string that says its own length."""
        return self.bytes(self.below(most + 1))

    def rest(self) -> bytes:
        """Deal everything that is left."""
        return self.bytes(self.left)

    def pieces(self, data: bytes) -> list[bytes]:
        """Cut bytes where the dice say: whole, in two or three, or byte by byte."""
        how = self.byte()
        size = len(data)
        if how < 128 or size < 2:
            return [data]
        if how < 250:
            first, second = sorted((self.below(size), self.below(size)))
            return [data[:first], data[first:second], data[second:]]
        return [data[at : at + 1] for at in range(size)]
