"""Answers by what was asked, for a while and up to a number of bytes."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

#: What an entry costs beside its bytes, about.
_ENTRY_BYTES = 512

V = TypeVar("V")


class AnswerStore(Generic[V]):
    """Keeps answers until they are too old, or others were used more lately."""

    __slots__ = ("_entries", "bytes_kept")

    def __init__(self) -> None:
        # Key → (answer, its bytes, since when, until when); the longest unused first.
        self._entries: OrderedDict[Hashable, tuple[V, int, float, float]] = OrderedDict()
        self.bytes_kept = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable, now: float) -> tuple[V, float] | None:
        """Return an answer and its age in seconds; None when there is none that is fresh."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        answer, _, since, until = entry
        if now >= until:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return answer, now - since

    def put(
        self, key: Hashable, answer: V, size: int, now: float, ttl: float, max_bytes: int
    ) -> None:
        """Keep an answer, unless it is too large alone.

        Units: `size` and `max_bytes` in bytes, the key included; seconds.
        """
        if key in self._entries:
            self._drop(key)
        size += _ENTRY_BYTES
        if size > max_bytes:
            return
        while self.bytes_kept + size > max_bytes:
            self._drop(next(iter(self._entries)))
        self._entries[key] = (answer, size, now, now + ttl)
        self.bytes_kept += size

    def _drop(self, key: Hashable) -> None:
        self.bytes_kept -= self._entries.pop(key)[1]
