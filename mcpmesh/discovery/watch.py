"""Watching the catalog: a bounded memory of changes, cursors into it, and one watcher's backlog.

A cursor is EPOCH-VERSION. The epoch is drawn anew by each process that owns a registry, so a
cursor from another life is simply not remembered and leads to a snapshot.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcpmesh.discovery.catalog import CatalogChange
from mcpmesh.errors import InvalidCall
from mcpmesh.model.prompt import Prompt
from mcpmesh.model.resource import Resource
from mcpmesh.model.tool import Tool

LOG_BOUND = 4096
BACKLOG_BOUND = 1024


#: The key of what kind is wanted, in a table of wanted labels; no label has it, as it is empty.
KIND = ""
_KINDS = {type(None): "tool", Prompt: "prompt", Resource: "resource"}


def wanted(labels: Mapping[str, str], kind: str) -> dict[str, str]:
    """Return what is asked for: labels, and tool, prompt, resource or * (empty means tool).

    Raises: InvalidCall for another kind.
    """
    if kind not in ("", "*", *_KINDS.values()):
        raise InvalidCall(f"kind {kind[:140]!r} is not tool, prompt, resource or *")
    return {**labels, KIND: kind} if kind not in ("", "tool") else dict(labels)


def kind_of(tool: Tool) -> str:
    """Return tool, prompt or resource."""
    return _KINDS[type(tool.kind)]


def matches(tool: Tool, labels: Mapping[str, str]) -> bool:
    """Tell whether a tool has all of these labels, and is of the kind that is wanted."""
    kind = labels.get(KIND, "tool")
    return kind in ("*", kind_of(tool)) and all(
        tool.labels.get(key) == value for key, value in labels.items() if key != KIND
    )


def seen_through(change: CatalogChange, labels: Mapping[str, str]) -> CatalogChange | None:
    """Return a change as a watcher of these labels sees it, None for nothing.

    A tool whose labels stop to match is gone for that watcher.
    """
    before = change.before if change.before and matches(change.before, labels) else None
    after = change.after if change.after and matches(change.after, labels) else None
    if before is None and after is None:
        return None
    return CatalogChange(change.name, change.version, before, after)


def merged(changes: Iterable[CatalogChange]) -> tuple[CatalogChange, ...]:
    """Return at most one change for each version of a tool, in the order of the first."""
    by_key: dict[tuple[str, str], CatalogChange] = {}
    for change in changes:
        key = (change.name, change.version)
        by_key[key] = by_key[key].then(change) if key in by_key else change
    return tuple(by_key.values())


@dataclass(frozen=True, slots=True)
class _Entry:
    version: int
    changes: tuple[CatalogChange, ...]


class ChangeLog:
    """The latest changes of the catalog, at most `bound` of them."""

    def __init__(self, epoch: str, version: int, bound: int = LOG_BOUND) -> None:
        self.epoch = epoch
        self.version = version
        self._oldest = version
        self._bound = bound
        self._size = 0
        self._entries: deque[_Entry] = deque()

    def __repr__(self) -> str:
        return f"ChangeLog({self.cursor()}, since {self._oldest}, {self._size} changes)"

    def cursor(self, version: int | None = None) -> str:
        """Write the cursor of a version, the current one by default."""
        return f"{self.epoch}-{self.version if version is None else version}"

    def append(self, version: int, changes: tuple[CatalogChange, ...]) -> None:
        """Note the changes that lead to a version; the oldest are forgotten beyond the bound."""
        self.version = version
        if changes:
            self._entries.append(_Entry(version, changes))
            self._size += len(changes)
        while self._size > self._bound:
            forgotten = self._entries.popleft()
            self._oldest = forgotten.version
            self._size -= len(forgotten.changes)

    def restart(self, epoch: str, version: int) -> None:
        """Forget everything: another life begins."""
        self.epoch, self.version, self._oldest = epoch, version, version
        self._entries.clear()
        self._size = 0

    def version_of(self, cursor: str) -> int | None:
        """Return the version of a cursor that can be resumed; None when it needs a snapshot."""
        epoch, dash, digits = cursor.rpartition("-")
        if not dash or epoch != self.epoch or not digits.isascii() or not digits.isdigit():
            return None
        # The length is checked first: int() refuses thousands of digits with an exception.
        version = int(digits) if len(digits) <= 20 else -1
        return version if self._oldest <= version <= self.version else None

    def since(self, version: int) -> tuple[CatalogChange, ...]:
        """Return what changed after a version that `version_of` gave, each tool at most once."""
        return merged(
            change for entry in self._entries if entry.version > version for change in entry.changes
        )


class Backlog:
    """What one watcher has not been told yet: each version of a tool at most once, bounded.

    Beyond the bound it holds nothing and `overflowed` stays true: the watcher must start over.
    """

    def __init__(
        self, version: int, labels: Mapping[str, str] | None = None, bound: int = BACKLOG_BOUND
    ) -> None:
        self.version = version
        self.overflowed = False
        self._labels = labels or {}
        self._bound = bound
        self._pending: dict[tuple[str, str], CatalogChange] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __repr__(self) -> str:
        state = "overflowed" if self.overflowed else f"{len(self)} pending"
        return f"Backlog(version {self.version}, {state})"

    def push(self, version: int, changes: Iterable[CatalogChange]) -> None:
        """Add the changes that lead to a version."""
        if self.overflowed:
            return
        self.version = version
        for change in changes:
            seen = seen_through(change, self._labels)
            if seen is not None:
                key = (seen.name, seen.version)
                known = self._pending.get(key)
                self._pending[key] = known.then(seen) if known else seen
        if len(self._pending) > self._bound:
            self.overflowed = True
            self._pending.clear()

    def take(self) -> tuple[CatalogChange, ...]:
        """Return all changes not told yet, which leads the watcher to `version`."""
        taken = tuple(change for change in self._pending.values() if change.before or change.after)
        self._pending.clear()
        return taken
