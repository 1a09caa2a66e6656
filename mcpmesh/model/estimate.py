"""A quantity that was measured, and how sure that is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity, and the bounds that it is within with a probability of nine in ten."""

    mean: float
    low: float
    high: float
