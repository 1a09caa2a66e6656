"""The immutable map from a tool's name and version to the replicas that serve it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool


@dataclass(frozen=True, slots=True)
class Cluster:
    """All replicas of one version of a tool, in the order of their ids."""

    tool: Tool
    replicas: tuple[Replica, ...] = ()
    #: Ids of replicas that take no new calls.
    draining: frozenset[str] = frozenset()
    #: When this version first came, counted by the registry: greater is newer.
    arrival: int = 0


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every tool of the mesh at one moment.

    Shape: name → its versions, newest first (by when the version first came); full name of a
    gRPC service that is no tool → who serves it.
    """

    version: int = 0
    clusters: Mapping[str, tuple[Cluster, ...]] = field(default_factory=dict)
    services: Mapping[str, Cluster] = field(default_factory=dict)

    def find(self, name: str, version: str = "") -> Cluster | None:
        """Return the cluster of a tool's version, the newest for an empty version."""
        for cluster in self.clusters.get(name, ()):
            if not version or cluster.tool.version == version:
                return cluster
        return None
