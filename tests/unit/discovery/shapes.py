"""Small values and a mirror of a watcher, for the tests of this room."""

from mcpmesh.discovery.catalog import CatalogChange
from mcpmesh.discovery.registry import Registry
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool

View = dict[tuple[str, str], tuple[Tool, int]]


def replica(replica_id: str, port: int = 7000) -> Replica:
    return Replica(id=replica_id, endpoint=f"127.0.0.1:{port}")


def join(
    registry: Registry, replica_id: str, *tools: Tool, ttl: float | None = None, now: float = 0.0
) -> str:
    lease = registry.register(replica(replica_id), tools, ttl, now, f"lease of {replica_id}")
    return lease.id


def view(catalog: Catalog) -> View:
    """What a watcher should know: each version's tool and its number of replicas."""
    return {
        (cluster.tool.name, cluster.tool.version): (cluster.tool, len(cluster.replicas))
        for versions in catalog.clusters.values()
        for cluster in versions
    }


def replay(known: View, changes: tuple[CatalogChange, ...], catalog: Catalog) -> None:
    """Do what a watcher does with events: the tool comes from the change, counts from now."""
    for change in changes:
        key = (change.name, change.version)
        if change.after is None:
            known.pop(key, None)
        else:
            cluster = catalog.find(*key)
            known[key] = (change.after, len(cluster.replicas) if cluster else 0)
