"""Counts the requests that are being answered, by whom they are from."""

from collections import Counter


class Answering:
    """Requests under way that wait for something; those answered at once are not among them.

    `most` of one peer; 0 for any number.
    """

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._by_peer: Counter[str] = Counter()
        self._count = 0

    def __repr__(self) -> str:
        return f"<Answering {self._count} requests of {len(self._by_peer)} peers>"

    @property
    def full(self) -> bool:
        """Tell whether any peer can have as many as it may: most of the time none can."""
        return 0 < self._most <= self._count

    def is_full(self, peer: str) -> bool:
        """Tell whether a peer has as many as it may."""
        return self._by_peer[peer] >= self._most

    def enter(self, peer: str) -> None:
        """Count a request in."""
        self._count += 1
        self._by_peer[peer] += 1

    def leave(self, peer: str) -> None:
        """Count a request out."""
        self._count -= 1
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]
