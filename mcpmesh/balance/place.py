"""Where a balancer stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Who picks, and in which zone; empty when nobody said."""

    name: str = ""
    zone: str = ""


NOWHERE = Place()
