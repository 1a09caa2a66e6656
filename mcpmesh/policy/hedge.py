"""When a call that takes long gets a second attempt beside the first.

Source: Dean and Barroso, "The Tail at Scale" (2013); gRFC A6 for hedging in gRPC.
"""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from mcpmesh.errors import InvalidCall


@dataclass(frozen=True, slots=True)
class Hedge:
    """Settings of a tool's hedging.

    Raises: InvalidCall naming the setting.
    """

    #: `hedge = 0.95` stands for `hedge = { quantile = 0.95 }`.
    SHORT: ClassVar[str] = "quantile"

    quantile: float = 0.95
    """A second attempt begins when the first takes longer than this share of the tool's answers \
of late."""
    least: float = 0.001
    """Seconds that the first attempt gets at least."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.quantile < 1:
            raise InvalidCall(f"quantile {self.quantile} is not 0.5 to below 1")
        if not (isfinite(self.least) and self.least >= 0):
            raise InvalidCall(f"least {self.least} is not a number of seconds from 0 up")


def hedge_after(hedge: Hedge, typical: float) -> float | None:
    """Return after how long a second attempt begins; None while nothing is measured.

    Units: seconds; `typical` is the tool's quantile, 0 while it is not known.
    """
    return max(hedge.least, typical) if typical > 0 else None
