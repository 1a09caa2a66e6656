"""Instruments and their registry: what is measured, and a snapshot of all of it.

A snapshot is taken by whoever exports: the page for Prometheus (`prometheus`) or the periodic
exporter (`metric_export`). The hot path only sees cells.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import time_ns

from mcpmesh.telemetry.cells import MAX_CELLS, Cells, HistogramCell, Labels, NumberCell

Attributes = Mapping[str, str | int | bool]

_log = logging.getLogger(__name__)

#: What the specification names the point that stands for all label values over the limit.
OVERFLOW: Attributes = {"otel.metric.overflow": True}


@dataclass(frozen=True, slots=True)
class Description:
    """What an instrument measures. An empty label value means that the label is absent.

    Units: UCUM as OpenTelemetry writes them: `s`, `By`, `1`, `{call}`.
    """

    name: str
    unit: str
    text: str
    labels: tuple[str, ...] = ()
    constant: Attributes = field(default_factory=dict)

    def attributes(self, values: Labels | None) -> Attributes:
        """Name the label values of a cell."""
        if values is None:
            return OVERFLOW
        named = {k: v for k, v in zip(self.labels, values, strict=True) if v != ""}
        return {**self.constant, **named}


@dataclass(frozen=True, slots=True)
class HistogramPoint:
    """A histogram cell at one moment."""

    attributes: Attributes
    counts: tuple[int, ...]
    total: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class NumberPoint:
    """A counter's or gauge's cell at one moment."""

    attributes: Attributes
    value: int | float


class Histogram:
    """Spread of a value, mostly a duration."""

    def __init__(
        self, about: Description, bounds: Sequence[float], max_cells: int = MAX_CELLS
    ) -> None:
        if list(bounds) != sorted(set(bounds)) or not bounds:
            raise ValueError(f"{about.name}: bounds have to rise: {bounds}")
        self.about = about
        self.bounds = tuple(bounds)
        self._cells = Cells(self._new, len(about.labels), max_cells)
        #: As `cell`, with the label values as a tuple: half the price, for the hot path.
        self.at = self._cells.at
        #: The same for what was recorded before, else None; a call less.
        self.known = self._cells.known

    def _new(self) -> HistogramCell:
        return HistogramCell(self.bounds)

    def cell(self, *values: str | int) -> HistogramCell:
        """Return the cell of these label values, in the order of the description's labels."""
        return self._cells.at(values)

    def forget(self, values: Mapping[str, str | int]) -> None:
        """Drop all cells that have each of these label values."""
        self._cells.forget({self.about.labels.index(k): v for k, v in values.items()})

    def points(self) -> list[HistogramPoint]:
        """Take a snapshot of all cells in which something was recorded."""
        spreads = [(labels, cell.spread()) for labels, cell in self._cells.items()]
        return [
            HistogramPoint(self.about.attributes(labels), *spread)
            for labels, spread in spreads
            if any(spread.counts)
        ]


class Counter:
    """A number that only rises."""

    def __init__(self, about: Description, max_cells: int = MAX_CELLS) -> None:
        self.about = about
        self._cells = Cells(NumberCell, len(about.labels), max_cells)

    def cell(self, *values: str | int) -> NumberCell:
        """Return the cell of these label values, in the order of the description's labels."""
        return self._cells.at(values)

    def forget(self, values: Mapping[str, str | int]) -> None:
        """Drop all cells that have each of these label values."""
        self._cells.forget({self.about.labels.index(k): v for k, v in values.items()})

    def points(self) -> list[NumberPoint]:
        """Take a snapshot of all cells."""
        return [NumberPoint(self.about.attributes(k), c.value) for k, c in self._cells.items()]


Observe = Callable[[], Mapping[Labels, int | float]]


class Gauge:
    """A number that is what it is now; asked for when somebody looks.

    The callback may run in the exporter's thread, so it reads values that are swapped whole.
    """

    def __init__(self, about: Description) -> None:
        self.about = about
        self._observe: Observe | None = None

    def observe(self, callback: Observe) -> None:
        """Ask that callback from now on: label values → number."""
        self._observe = callback

    def points(self) -> list[NumberPoint]:
        """Ask for the numbers; a callback that fails leaves only its own gauge out."""
        if self._observe is None:
            return []
        try:
            observed = self._observe()
        except Exception:
            _log.exception("%s: its callback failed", self.about.name)
            return []
        return [NumberPoint(self.about.attributes(k), v) for k, v in observed.items()]


Instrument = Histogram | Counter | Gauge


class Metrics:
    """All instruments of one process, and since when they count."""

    def __init__(self, resource: Mapping[str, str] | None = None) -> None:
        self.resource = dict(resource or {})
        self.start_unix_nano = time_ns()
        self._by_name: dict[str, Instrument] = {}

    def add(self, instrument: Instrument) -> None:
        """Take in an instrument; a name can be given once."""
        name = instrument.about.name
        if name in self._by_name:
            raise ValueError(f"there is a metric named {name} already")
        self._by_name[name] = instrument

    def __iter__(self) -> Iterator[Instrument]:
        return iter(tuple(self._by_name.values()))
