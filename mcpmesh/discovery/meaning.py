"""What search needs of a model that knows what texts mean."""

from collections.abc import Sequence
from typing import Protocol


class Meaning(Protocol):
    """The meanings of tools, by name."""

    def put(self, texts: Sequence[tuple[str, str]]) -> None:
        """Take in tools as (name, text), in place of those of the same names."""
        ...

    def drop(self, name: str) -> None:
        """Take out a tool; one that is not there is not an error."""
        ...

    def nearest(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Return the names of the tools that mean most nearly the same, best first.

        Units: the cosine of the two meanings, -1 to 1.
        """
        ...
