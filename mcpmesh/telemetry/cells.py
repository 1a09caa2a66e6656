"""Cells: where a measurement lands, one per combination of label values.

The SDK's histogram looks up its attributes, its view and an exemplar for every record: 9.9 µs where
`HistogramCell.record` takes 0.27 (`benchmarks/telemetry.py`). A call is measured two or three
times, so this is worth an own class; what is exported is the SDK's own data model again.

Cells are written from the event loop's thread. A record from another thread at the same time may
be lost, as no lock is taken; no total ever goes back.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

Labels = tuple[str | int, ...]

#: Cells per instrument; the SDK's own cardinality limit.
MAX_CELLS = 2000


class HistogramCell:
    """How many values fell into each bucket, and their sum, minimum and maximum.

    Shape: one count more than bounds; a value equal to a bound counts below it.
    """

    __slots__ = ("_bounds", "counts", "maximum", "minimum", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.minimum = float("inf")
        self.maximum = float("-inf")

    def record(self, value: float) -> None:
        """Take in one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value
        # Comparisons cost half of what min() and max() do.
        if value < self.minimum:  # noqa: PLR1730
            self.minimum = value
        if value > self.maximum:  # noqa: PLR1730
            self.maximum = value

    @property
    def count(self) -> int:
        """Return how many values were recorded."""
        return sum(self.counts)


class NumberCell:
    """A number that is added to, or set."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: int | float = 0

    def add(self, amount: int | float = 1) -> None:
        """Add an amount; to a counter never a negative one."""
        self.value += amount


C = TypeVar("C")


class Cells(Generic[C]):
    """The cells of one instrument by label values, bounded; the rest shares one `other` cell."""

    __slots__ = ("_by_labels", "_limit", "_new", "_width", "other")

    def __init__(self, new: Callable[[], C], width: int, limit: int = MAX_CELLS) -> None:
        self._new = new
        self._width = width
        self._limit = limit
        self._by_labels: dict[Labels, C] = {}
        self.other: C | None = None

    def at(self, labels: Labels) -> C:
        """Return the cell of these label values; beyond the limit the one for all others."""
        found = self._by_labels.get(labels)
        return found if found is not None else self._make(labels)

    def _make(self, labels: Labels) -> C:
        if len(labels) != self._width:
            raise ValueError(f"{self._width} label values are needed, not {len(labels)}: {labels}")
        if len(self._by_labels) < self._limit:
            return self._by_labels.setdefault(labels, self._new())
        if self.other is None:
            self.other = self._new()
        return self.other

    def forget(self, values: Mapping[int, str | int]) -> None:
        """Drop the cells with all these label values, by position: what they named is gone."""
        wanted = values.items()
        for labels in [key for key in self._by_labels if all(key[at] == v for at, v in wanted)]:
            del self._by_labels[labels]

    def items(self) -> list[tuple[Labels | None, C]]:
        """List all cells with their label values; None stands for the other cell."""
        listed: list[tuple[Labels | None, C]] = list(self._by_labels.copy().items())
        return [*listed, (None, self.other)] if self.other is not None else listed
