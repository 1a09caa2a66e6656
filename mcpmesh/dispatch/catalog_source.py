"""The catalog as the rest of the router sees it, whoever keeps the registry behind it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from mcpmesh.discovery.registration import Registration
from mcpmesh.dispatch.catalog_watch import CatalogWatch
from mcpmesh.model.catalog import Catalog

#: Takes the new catalog and the names of the tools that changed in it.
OnCatalog = Callable[[Catalog, frozenset[str]], None]
#: Ends what gave it.
Stop = Callable[[], None]


class CatalogSource(Protocol):
    """A catalog that changes: of this process's registry, or followed from its parent's."""

    @property
    def catalog(self) -> Catalog:
        """The tools as they are now."""
        ...

    @property
    def cursor(self) -> str:
        """The state that `catalog` shows, for watchers that resume."""
        ...

    def registrations(self) -> tuple[Registration, ...]:
        """Return all replicas as they are registered now."""
        ...

    async def leases(self) -> Mapping[str, float]:
        """Return how many seconds each lease has left, by replica id; nothing when unknown."""
        ...

    def watch(
        self, labels: Mapping[str, str] | None = None, cursor: str = ""
    ) -> AbstractContextManager[CatalogWatch]:
        """Watch the tools with these labels from a cursor on, or from a snapshot."""
        ...

    def listen(self, on_catalog: OnCatalog) -> Stop:
        """Call at once with the catalog as it is, then with each new one; must not block."""
        ...
