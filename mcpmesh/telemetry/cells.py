"""Cells: where a measurement lands, one per combination of label values.

The SDK's histogram looks up its attributes, its view and an exemplar for every record, and takes
many times what `HistogramCell.record` does (`benchmarks/telemetry.py`). A call is measured two or
three times, so this is worth an own class; what is exported is the SDK's own data model again.

Cells are written from the event loop's thread and read from any; no total ever goes back.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

Labels = tuple[str | int, ...]

#: Cells per instrument; the SDK's own cardinality limit.
MAX_CELLS = 2000


#: Values that a histogram takes before it sorts them into its buckets.
_AT_ONCE = 128


class Spread(NamedTuple):
    """How values are spread.

    Shape: one count more than bounds; a value equal to a bound counts below it.
    """

    counts: tuple[int, ...]
    total: float
    minimum: float
    maximum: float


class HistogramCell:
    """How many values fell into each bucket, and their sum, minimum and maximum.

    Values are put into the buckets many at a time: sorted ones cost a third of single ones.
    """

    __slots__ = ("_bounds", "_counts", "_lock", "_maximum", "_minimum", "_recent", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._lock = Lock()
        self._recent: list[float] = []
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0
        self._minimum = float("inf")
        self._maximum = float("-inf")

    def record(self, value: float) -> None:
        """Take in one value."""
        recent = self._recent
        recent.append(value)
        if len(recent) >= _AT_ONCE:
            self._settle()

    def spread(self) -> Spread:
        """Return what was recorded."""
        self._settle()
        return Spread(tuple(self._counts), self._total, self._minimum, self._maximum)

    @property
    def count(self) -> int:
        """Return how many values were recorded."""
        return sum(self.spread().counts)

    def _settle(self) -> None:
        with self._lock:
            # A reader of another thread may do this while the loop's thread appends.
            values = self._recent.copy()
            if not values:
                return
            del self._recent[: len(values)]
            values.sort()
            self._total += sum(values)
            self._minimum = min(self._minimum, values[0])
            self._maximum = max(self._maximum, values[-1])
            below = 0
            for bucket, bound in enumerate(self._bounds):
                up_to = bisect_right(values, bound, below)
                self._counts[bucket] += up_to - below
                below = up_to
            self._counts[-1] += len(values) - below


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

    __slots__ = ("_by_labels", "_limit", "_new", "_width", "known", "other")

    def __init__(self, new: Callable[[], C], width: int, limit: int = MAX_CELLS) -> None:
        self._new = new
        self._width = width
        self._limit = limit
        self._by_labels: dict[Labels, C] = {}
        #: The cell of these label values; None where `at` would make one.
        self.known = self._by_labels.get
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
