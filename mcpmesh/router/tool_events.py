"""Writes what a watcher of tools is told: a snapshot, changes with their cursors, a resync."""

from collections.abc import Iterator, Mapping

from mcpmesh.discovery.page import tool_bytes
from mcpmesh.discovery.watch import matches
from mcpmesh.dispatch.catalog_watch import Step
from mcpmesh.dispatch.replica_view import StatusWriter
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.v1 import discovery_pb2

#: A snapshot is split rather than outgrow the 4 MiB that a stock gRPC client takes.
MAX_SNAPSHOT_BYTES = 2 * 1024 * 1024
#: Cursor of the parts of a split snapshot before the last. It leads to a snapshot again: who has
#: seen only some of the parts cannot go on from there.
INCOMPLETE = "incomplete"


def snapshot_events(
    catalog: Catalog, cursor: str, labels: Mapping[str, str], writer: StatusWriter
) -> Iterator[discovery_pb2.CatalogEvent]:
    """Write all tools: a snapshot, then updates for what does not fit into one message."""
    clusters = [
        cluster
        for _, versions in sorted(catalog.clusters.items())
        for cluster in versions
        if matches(cluster.tool, labels)
    ]
    fitting = _fitting(clusters)
    snapshot = discovery_pb2.ToolSnapshot(
        tools=[writer.tool_status(cluster) for cluster in clusters[:fitting]]
    )
    complete = fitting == len(clusters)
    yield discovery_pb2.CatalogEvent(cursor=cursor if complete else INCOMPLETE, snapshot=snapshot)
    for place, cluster in enumerate(clusters[fitting:], start=fitting + 1):
        yield discovery_pb2.CatalogEvent(
            cursor=cursor if place == len(clusters) else INCOMPLETE,
            updated=writer.tool_status(cluster),
        )


def step_events(
    step: Step, catalog: Catalog, writer: StatusWriter
) -> Iterator[discovery_pb2.CatalogEvent]:
    """Write changes; only the last event carries the cursor after them.

    Replica counts are those of now. A tool that went meanwhile is left out: its removal follows.
    """
    events: list[discovery_pb2.CatalogEvent] = []
    for change in step.changes:
        if change.after is None:
            removed = discovery_pb2.ToolRemoved(name=change.name, version=change.version)
            events.append(discovery_pb2.CatalogEvent(cursor=step.before, removed=removed))
        elif cluster := catalog.find(change.name, change.version):
            updated = writer.tool_status(cluster, change.after)
            events.append(discovery_pb2.CatalogEvent(cursor=step.before, updated=updated))
    if events:
        events[-1].cursor = step.cursor
    yield from events


def resync_event(cursor: str, reason: str) -> discovery_pb2.CatalogEvent:
    """Write that the watcher was too slow and must start over, with its last cursor."""
    return discovery_pb2.CatalogEvent(cursor=cursor, resync=discovery_pb2.Resync(reason=reason))


def _fitting(clusters: list[Cluster]) -> int:
    total_bytes = 0
    for place, cluster in enumerate(clusters):
        total_bytes += tool_bytes(cluster)
        if place and total_bytes > MAX_SNAPSHOT_BYTES:
            return place
    return len(clusters)
