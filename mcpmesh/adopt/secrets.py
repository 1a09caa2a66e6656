"""Values that must not be seen: taken out of whatever goes to a log or into an error."""

from collections.abc import Iterable
from dataclasses import dataclass

_HIDDEN = "***"
#: Shorter values (a flag, a number) would take out what is no secret.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Secrets:
    """The values of an upstream's environment and headers."""

    values: frozenset[str] = frozenset()

    @classmethod
    def of(cls, values: Iterable[str]) -> "Secrets":
        """Take the values that are long enough to tell from other text, and words in them."""
        found: set[str] = set()
        for value in values:
            # "Bearer abc" is printed in whole or in part.
            found.update(each for each in (value, *value.split()) if len(each) >= _SHORTEST)
        return cls(frozenset(found))

    def __repr__(self) -> str:
        return f"Secrets({len(self.values)})"

    def hide(self, text: str) -> str:
        """Return the text without them."""
        for value in sorted(self.values, key=len, reverse=True):
            text = text.replace(value, _HIDDEN)
        return text
