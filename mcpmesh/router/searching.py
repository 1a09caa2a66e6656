"""Search beside the router's loop: the index is kept and asked in a thread of its own.

The index is built when somebody searches first, and follows the catalog by what changed. Both are
done in small pieces, between which the interpreter's lock is free for the loop.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import sleep

from mcpmesh.discovery.meaning import Meaning
from mcpmesh.discovery.ranking import Hit, ranked
from mcpmesh.discovery.search import SearchIndex, wanted_hits
from mcpmesh.dispatch.catalog_source import CatalogSource
from mcpmesh.errors import Overloaded
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.estimate import Estimate

_log = logging.getLogger(__name__)
#: Searches that may wait for each other.
MAX_WAITING = 64
_RETRY_AFTER_MS = 100
#: Tools that are read at a time: a millisecond or two. Between, the loop gets the interpreter's
#: lock by a pause; else it would wait out the 5 ms after which a thread has to give it away.
_AT_ONCE = 16
_PAUSE = 0.0005


class Searching:
    """Searches a catalog; what `worths` returns tells what was measured of a tool, as of now."""

    def __init__(
        self,
        source: CatalogSource,
        worths: Callable[[], Callable[[str], Estimate | None]] = lambda: lambda _tool: None,
        meaning: Meaning | None = None,
    ) -> None:
        self._worths = worths
        self._meaning = meaning
        self._index: SearchIndex | None = None
        self._catalog = source.catalog
        #: Names of tools that changed since the index was told.
        self._changed: dict[str, None] = {}
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, "mcpmesh-search")
        self._stop = source.listen(self._on_catalog)

    def close(self) -> None:
        """Follow the catalog no more; what still waits is dropped."""
        self._stop()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def search(self, query: str, limit: int, labels: Mapping[str, str]) -> list[Hit]:
        """Return the tools that fit, best first.

        Shape: `limit` as SearchToolsRequest.limit.
        Raises: InvalidCall for a query without words, or a negative limit; Overloaded.
        """
        if self._waiting >= MAX_WAITING:
            raise Overloaded(
                f"{MAX_WAITING} searches are waiting; try again in {_RETRY_AFTER_MS} ms",
                retry_after_ms=_RETRY_AFTER_MS,
            )
        self._waiting += 1
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._current().search, self._catalog, query, limit, dict(labels)
            )
        finally:
            self._waiting -= 1
        return ranked(found, query, self._worths(), wanted_hits(limit))

    def _on_catalog(self, catalog: Catalog, changed: frozenset[str]) -> None:
        self._catalog = catalog
        self._changed.update(dict.fromkeys(changed))

    def _current(self) -> SearchIndex:
        """Have the index told of all changes, before it is asked what comes after."""
        index = self._index
        if index is None:
            index = self._index = SearchIndex(self._meaning)
        changed, self._changed = self._changed, {}
        names = list(changed)
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            self._thread.submit(_update, index, self._catalog, some)
        return index


def _update(index: SearchIndex, catalog: Catalog, names: list[str]) -> None:
    try:
        index.update(catalog, names)
    except Exception:
        _log.exception("search does not show the latest changes of %s", ", ".join(names))
    sleep(_PAUSE)
