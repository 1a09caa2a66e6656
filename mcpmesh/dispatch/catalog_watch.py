"""One watcher of the catalog: waits for changes, and is told when it is too slow."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from mcpmesh.discovery.catalog import CatalogChange
from mcpmesh.discovery.watch import Backlog
from mcpmesh.errors import MeshError, Overloaded
from mcpmesh.model.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Step:
    """Changes that lead a watcher from one cursor to another, each tool at most once.

    Only after the last change does `cursor` hold; before, the watcher is still at `before`.
    """

    before: str
    cursor: str
    changes: tuple[CatalogChange, ...]


class CatalogWatch:
    """What one watcher has yet to hear.

    `snapshot` is the catalog to begin with; None when the watcher goes on from its own cursor.
    """

    def __init__(self, cursor: str, backlog: Backlog, snapshot: Catalog | None) -> None:
        self.cursor = cursor
        self.snapshot = snapshot
        self._next_cursor = cursor
        self._backlog = backlog
        self._news = asyncio.Event()
        self._end: MeshError | None = None
        if len(backlog):
            self._news.set()

    def __repr__(self) -> str:
        return f"CatalogWatch({self.cursor}, {self._backlog})"

    def push(self, version: int, cursor: str, changes: Iterable[CatalogChange]) -> None:
        """Add changes that lead to a cursor."""
        self._backlog.push(version, changes)
        self._next_cursor = cursor
        self._news.set()

    def end(self, error: MeshError) -> None:
        """Let the watcher know that nothing more comes, and why."""
        self._end = error
        self._news.set()

    async def step(self) -> Step:
        """Wait for changes and return all that there are.

        Raises: Overloaded when more changed than is kept for a watcher: it must start over; what
        `end` was given.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            if self._end is not None:
                self._news.set()
                raise self._end
            if self._backlog.overflowed:
                self._news.set()
                raise Overloaded(
                    f"watcher at {self.cursor} reads too slowly: more tools changed than are kept"
                )
            before, self.cursor = self.cursor, self._next_cursor
            changes = self._backlog.take()
            if changes:
                return Step(before, self.cursor, changes)
