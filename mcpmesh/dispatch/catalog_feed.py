"""Turns changes of a registry into a catalog, and tells listeners and watchers of them.

The registry's keeper and a follower of another process's registry both own one.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from mcpmesh.discovery.catalog import CatalogBuilder, CatalogChange
from mcpmesh.discovery.registration import Registration, RegistryChange
from mcpmesh.discovery.watch import BACKLOG_BOUND, LOG_BOUND, Backlog, ChangeLog
from mcpmesh.dispatch.catalog_source import OnCatalog, Stop
from mcpmesh.dispatch.catalog_watch import CatalogWatch
from mcpmesh.errors import MeshError
from mcpmesh.model.catalog import Catalog, Cluster

_log = logging.getLogger(__name__)


class CatalogFeed:
    """A catalog, its latest changes, and who wants to hear of them."""

    def __init__(
        self,
        epoch: str,
        version: int,
        *,
        log_bound: int = LOG_BOUND,
        backlog_bound: int = BACKLOG_BOUND,
    ) -> None:
        self._builder = CatalogBuilder(version)
        self._log = ChangeLog(epoch, version, log_bound)
        self._backlog_bound = backlog_bound
        self._listeners: dict[int, OnCatalog] = {}
        self._last_listener = 0
        self._watches: set[CatalogWatch] = set()

    def __repr__(self) -> str:
        return f"CatalogFeed({self.cursor}, {len(self._watches)} watchers)"

    @property
    def catalog(self) -> Catalog:
        """The tools as they are now."""
        return self._builder.catalog

    @property
    def cursor(self) -> str:
        """The state that `catalog` shows."""
        return self._log.cursor()

    @property
    def epoch(self) -> str:
        """Which life of a registry the cursor belongs to."""
        return self._log.epoch

    def registrations(self) -> tuple[Registration, ...]:
        """Return the registrations that the catalog shows."""
        return self._builder.registrations()

    def apply(self, changes: Sequence[RegistryChange]) -> None:
        """Take changes of the registry, in their order."""
        if changes:
            services = self.catalog.services
            self._publish(self._builder.apply(changes), services)

    def replace(self, epoch: str, version: int, registrations: Iterable[Registration]) -> None:
        """Take all registrations anew; another epoch makes all cursors given before unknown."""
        services = self.catalog.services
        changes = self._builder.replace(version, registrations)
        if epoch != self.epoch:
            self._log.restart(epoch, version)
        self._publish(changes, services)

    def listen(self, on_catalog: OnCatalog) -> Stop:
        """Call at once with the catalog as it is, then with each new one; must not block."""
        self._last_listener += 1
        key = self._last_listener
        self._listeners[key] = on_catalog
        _tell(on_catalog, self.catalog, frozenset(self.catalog.clusters))

        def stop() -> None:
            self._listeners.pop(key, None)

        return stop

    @contextmanager
    def watch(
        self, labels: Mapping[str, str] | None = None, cursor: str = ""
    ) -> Iterator[CatalogWatch]:
        """Watch the tools with these labels from a cursor on, or from a snapshot."""
        watch = self._resumed(labels, cursor) or self._begun(labels)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def end_watches(self, error: MeshError) -> None:
        """End every watch, such as when the router goes down."""
        for watch in tuple(self._watches):
            watch.end(error)

    def _publish(self, changes: tuple[CatalogChange, ...], services: Mapping[str, Cluster]) -> None:
        version = self.catalog.version
        self._log.append(version, changes)
        for watch in self._watches:
            watch.push(version, self.cursor, changes)
        changed = frozenset(change.name for change in changes)
        if changed or self.catalog.services is not services:
            for listener in tuple(self._listeners.values()):
                _tell(listener, self.catalog, changed)

    def _begun(self, labels: Mapping[str, str] | None) -> CatalogWatch:
        backlog = Backlog(self._log.version, labels, self._backlog_bound)
        return CatalogWatch(self.cursor, backlog, self.catalog)

    def _resumed(self, labels: Mapping[str, str] | None, cursor: str) -> CatalogWatch | None:
        start = self._log.version_of(cursor)
        if start is None:
            return None
        backlog = Backlog(start, labels, self._backlog_bound)
        watch = CatalogWatch(cursor, backlog, None)
        watch.push(self._log.version, self.cursor, self._log.since(start))
        return None if backlog.overflowed else watch


def _tell(on_catalog: OnCatalog, catalog: Catalog, changed: frozenset[str]) -> None:
    # A listener's bug must not take down the registry, whose next change may mend it.
    try:
        on_catalog(catalog, changed)
    except Exception:
        _log.exception("a listener failed on catalog version %d", catalog.version)
