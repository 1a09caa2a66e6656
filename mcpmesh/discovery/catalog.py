"""Builds the immutable catalog from changes of the registry, tool by tool.

Only tools that a change touches are rebuilt; a replica is put into the ordered tuple of its
cluster by binary search, so that the thousandth replica costs a copy of the tuple, not a sort.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mcpmesh.discovery.registration import (
    Registration,
    RegistrationRemoved,
    RegistrationUpdated,
    RegistryChange,
)
from mcpmesh.discovery.served import served
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """A version of a tool that came (no `before`), changed, or went (no `after`).

    Equal on both sides: its replicas changed.
    """

    name: str
    version: str
    before: Tool | None
    after: Tool | None

    def then(self, later: "CatalogChange") -> "CatalogChange":
        """Return this change and a later one of the same version as one."""
        return replace(later, before=self.before)


class CatalogBuilder:
    """Follows a registry and keeps its catalog; `catalog` is replaced, never changed."""

    def __init__(self, version: int = 1) -> None:
        self.catalog = Catalog(version)
        self._registrations: dict[str, Registration] = {}
        self._clusters: dict[str, tuple[Cluster, ...]] = {}
        self._services: Mapping[str, Cluster] = {}

    def __repr__(self) -> str:
        return f"CatalogBuilder(version {self.catalog.version}, {len(self._clusters)} tools)"

    def registrations(self) -> tuple[Registration, ...]:
        """Return the registrations that the catalog shows."""
        return tuple(self._registrations.values())

    def apply(self, changes: Iterable[RegistryChange]) -> tuple[CatalogChange, ...]:
        """Take changes of the registry, in their order, and return those of the catalog."""
        merged: dict[tuple[str, str], CatalogChange] = {}
        version = self.catalog.version
        for change in changes:
            version = change.version
            for found in self._apply(change):
                key = (found.name, found.version)
                merged[key] = merged[key].then(found) if key in merged else found
        clusters = dict(self._clusters) if merged else self.catalog.clusters
        self.catalog = Catalog(version, clusters, self._services)
        return tuple(c for c in merged.values() if c.before is not None or c.after is not None)

    def replace(
        self, version: int, registrations: Iterable[Registration]
    ) -> tuple[CatalogChange, ...]:
        """Take all registrations anew and return what that changes."""
        fresh = {registration.replica.id: registration for registration in registrations}
        gone = [known for known in self._registrations if known not in fresh]
        changes = self.apply(
            [
                *(RegistrationUpdated(version, registration) for registration in fresh.values()),
                *(RegistrationRemoved(version, replica_id) for replica_id in gone),
            ]
        )
        self.catalog = replace(self.catalog, version=version)
        return changes

    def _apply(self, change: RegistryChange) -> list[CatalogChange]:
        if isinstance(change, RegistrationRemoved):
            before = self._registrations.pop(change.replica_id, None)
            after = None
        else:
            after = change.registration
            before = self._registrations.get(after.replica.id)
            self._registrations[after.replica.id] = after
        if before == after:
            return []
        touched = {*_services_of(before), *_services_of(after)}
        if touched:
            self._services = served(self._services, touched, self._registrations.values())
        found = [self._put(after, *each) for each in _arrived(after)] if after else []
        kept = {(tool.name, tool.version) for tool in after.tools} if after else set()
        if before:
            found += [
                self._take(before.replica, tool)
                for tool in before.tools
                if (tool.name, tool.version) not in kept
            ]
        return [each for each in found if each is not None]

    def _put(self, registration: Registration, tool: Tool, arrival: int) -> CatalogChange | None:
        versions = self._clusters.get(tool.name, ())
        index = _index(versions, tool.version)
        old = versions[index] if index is not None else None
        new = _with(old, registration, tool, arrival)
        if new == old:
            return None
        others = versions if index is None else versions[:index] + versions[index + 1 :]
        newer = sum(each.arrival > arrival for each in others)
        self._clusters[tool.name] = (*others[:newer], new, *others[newer:])
        return CatalogChange(tool.name, tool.version, old.tool if old else None, tool)

    def _take(self, replica: Replica, tool: Tool) -> CatalogChange:
        versions = self._clusters[tool.name]
        index = _index(versions, tool.version)
        assert index is not None
        new = _without(versions[index], replica.id)
        if new.replicas:
            self._clusters[tool.name] = (*versions[:index], new, *versions[index + 1 :])
            return CatalogChange(tool.name, tool.version, new.tool, new.tool)
        rest = (*versions[:index], *versions[index + 1 :])
        if rest:
            self._clusters[tool.name] = rest
        else:
            del self._clusters[tool.name]
        return CatalogChange(tool.name, tool.version, tool, None)


def _services_of(registration: Registration | None) -> tuple[str, ...]:
    return registration.replica.services if registration is not None else ()


def _index(versions: tuple[Cluster, ...], version: str) -> int | None:
    return next((i for i, each in enumerate(versions) if each.tool.version == version), None)


def _place(replicas: tuple[Replica, ...], replica_id: str) -> tuple[int, int]:
    start = bisect_left(replicas, replica_id, key=lambda replica: replica.id)
    found = start < len(replicas) and replicas[start].id == replica_id
    return start, start + found


def _arrived(registration: Registration) -> Iterator[tuple[Tool, int]]:
    """Give each tool and when its version first came; 0 where nobody said."""
    arrivals = registration.arrivals or (0,) * len(registration.tools)
    return zip(registration.tools, arrivals, strict=True)


def _with(before: Cluster | None, registration: Registration, tool: Tool, arrival: int) -> Cluster:
    cluster = before or Cluster(tool)
    replica = registration.replica
    start, end = _place(cluster.replicas, replica.id)
    replicas = (*cluster.replicas[:start], replica, *cluster.replicas[end:])
    alone = cluster.draining - {replica.id}
    draining = alone | {replica.id} if registration.draining else alone
    return Cluster(tool, replicas, draining, arrival)


def _without(cluster: Cluster, replica_id: str) -> Cluster:
    start, end = _place(cluster.replicas, replica_id)
    replicas = cluster.replicas[:start] + cluster.replicas[end:]
    return replace(cluster, replicas=replicas, draining=cluster.draining - {replica_id})
