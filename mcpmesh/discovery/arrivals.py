"""In which order the versions of tools first came, which decides what "newest" means."""

from itertools import islice

REMEMBERED = 4096


class Arrivals:
    """Numbers each (name, version) at its first coming.

    Versions that are gone are remembered, up to a bound and the longest gone forgotten first, so
    that the last replica of an old edition does not become the newest by losing its lease once.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._next = 0
        self._present: dict[tuple[str, str], int] = {}
        self._gone: dict[tuple[str, str], int] = {}

    def __repr__(self) -> str:
        return f"Arrivals({len(self._present)} present, {len(self._gone)} gone)"

    def come(self, name: str, version: str) -> int:
        """Return the number of a version that is there (again); greater is newer."""
        key = (name, version)
        number = self._present.get(key)
        if number is None:
            number = self._gone.pop(key, None)
            if number is None:
                number = self._next
                self._next += 1
            self._present[key] = number
        return number

    def go(self, name: str, version: str) -> None:
        """Note that a version is gone."""
        key = (name, version)
        self._gone[key] = self._present.pop(key)
        for oldest in list(islice(self._gone, max(0, len(self._gone) - self._remembered))):
            del self._gone[oldest]
