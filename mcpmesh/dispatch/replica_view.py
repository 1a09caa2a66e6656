"""What the discovery service shows of replicas and tools beyond what is registered."""

from dataclasses import dataclass, field
from typing import Protocol

from mcpmesh.balance.recent import Counts
from mcpmesh.codec.tool import duration, replica_to_message, tool_to_message
from mcpmesh.discovery.registration import Registration
from mcpmesh.model.catalog import Cluster
from mcpmesh.model.tool import Tool
from mcpmesh.v1 import discovery_pb2

READY = "READY"
DRAINING = "DRAINING"


class ReplicaView(Protocol):
    """How this process sees the replicas; the pool of connections implements it."""

    def state(self, replica_id: str) -> tuple[str, int, str]:
        """Return a replica's state, its attempts in flight, and why it is not READY.

        Shape: the state is IDLE, CONNECTING, READY, TRANSIENT_FAILURE, DRAINING or SHUTDOWN;
        IDLE for a replica that is not known (yet).
        """
        ...

    def standing(self, replica_id: str) -> "Standing | None":
        """Return what this process thinks of a replica; None when it is not known (yet)."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What one process thinks of a replica.

    Units: `ejected_for` in seconds left, None unless it is ejected; `share` and `pick_ratio` 0 to
    1. `recent` is of the last turns, `picks` since this process knows it.
    """

    health: str = "HEALTHY"
    reason: str = ""
    ejected_for: float | None = None
    share: float = 1.0
    recent: Counts = field(default_factory=Counts)
    pick_ratio: float = 0.0
    picks: int = 0

    def write(self, status: discovery_pb2.ReplicaStatus) -> None:
        """Write it into a status."""
        recent = self.recent
        status.picks = self.picks
        status.health, status.health_reason, status.share = self.health, self.reason, self.share
        if self.ejected_for is not None:
            status.ejected_for.CopyFrom(duration(self.ejected_for))
        status.recent.over.CopyFrom(duration(recent.at))
        status.recent.picks = recent.picks
        status.recent.successes = recent.successes
        status.recent.failures = recent.failures
        status.recent.pick_ratio = self.pick_ratio
        if recent.mean_time is not None:
            status.recent.mean_time.CopyFrom(duration(recent.mean_time))


class StatusWriter:
    """Writes statuses for one answer; asks for each replica's state once."""

    def __init__(self, view: ReplicaView) -> None:
        self._view = view
        self._ready: dict[str, bool] = {}

    def tool_status(self, cluster: Cluster, tool: Tool | None = None) -> discovery_pb2.ToolStatus:
        """Write a tool (the cluster's own by default) and how well it is served."""
        return discovery_pb2.ToolStatus(
            tool=tool_to_message(tool or cluster.tool),
            replicas=len(cluster.replicas),
            ready_replicas=sum(
                self._is_ready(replica.id)
                for replica in cluster.replicas
                if replica.id not in cluster.draining
            ),
        )

    def replica_status(
        self, registration: Registration, lease: float | None
    ) -> discovery_pb2.ReplicaStatus:
        """Write a replica and how this process sees it.

        Units: `lease` in seconds left; None for a replica without one.
        """
        state, in_flight, reason = self._view.state(registration.replica.id)
        status = discovery_pb2.ReplicaStatus(
            replica=replica_to_message(registration.replica),
            state=DRAINING if registration.draining else state,
            in_flight=in_flight,
            lease_remaining=None if lease is None else duration(lease),
            tools=sorted(f"{tool.name}@{tool.version}" for tool in registration.tools),
            reason=reason,
        )
        standing = self._view.standing(registration.replica.id)
        if standing is not None:
            standing.write(status)
        return status

    def _is_ready(self, replica_id: str) -> bool:
        known = self._ready.get(replica_id)
        if known is None:
            known = self._ready[replica_id] = self._view.state(replica_id)[0] == READY
        return known
