"""The registry's state: which replica holds which lease and serves which tools.

Pure: time and lease ids come in as arguments. Every change raises the version by one and waits
in `take_changes`, so that whoever drives the registry builds catalog and events from the same
facts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mcpmesh.discovery.arrivals import Arrivals
from mcpmesh.discovery.lease import DEFAULT_TTL, Lease, LeaseNotFound, granted_ttl
from mcpmesh.discovery.registration import (
    Registration,
    RegistrationRemoved,
    RegistrationUpdated,
    RegistryChange,
)
from mcpmesh.discovery.versions import VersionTable
from mcpmesh.errors import InvalidCall, Overloaded
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.tool_policy import wishes

MAX_TOOLS = 1000
MAX_REPLICAS = 10_000


class Registry:
    """All registrations, leased and static.

    The version starts at 1: an empty registry is a state like any other.
    """

    def __init__(self, default_ttl: float = DEFAULT_TTL, max_replicas: int = MAX_REPLICAS) -> None:
        self.version = 1
        self._default_ttl = default_ttl
        self._max_replicas = max_replicas
        self._registrations: dict[str, Registration] = {}
        self._leases: dict[str, Lease] = {}
        self._lease_of: dict[str, str] = {}
        self._versions = VersionTable()
        self._arrivals = Arrivals()
        self._changes: list[RegistryChange] = []

    def __repr__(self) -> str:
        return f"Registry(version {self.version}, {len(self)} replicas)"

    def __iter__(self) -> Iterator[Registration]:
        return iter(tuple(self._registrations.values()))

    def __len__(self) -> int:
        return len(self._registrations)

    def get(self, replica_id: str) -> Registration | None:
        """Return a replica's registration."""
        return self._registrations.get(replica_id)

    def register(
        self, replica: Replica, tools: Sequence[Tool], ttl: float | None, now: float, lease_id: str
    ) -> Lease:
        """Add a replica under a new lease, or replace all that the same id registered before.

        Units: `ttl` in seconds, None for the default, kept within limits.
        Raises: InvalidCall for a wrong number of tools, one that stands twice, one whose policy
        nobody can follow, or the id of a static replica; Overloaded when the registry is full.
        """
        before = self._registrations.get(replica.id)
        if before is not None and before.static:
            raise InvalidCall(f"replica {replica.id} is configured; a lease needs another id")
        kept = self._admit(replica, tools)
        self._forget(replica.id)
        granted = granted_ttl(ttl, self._default_ttl)
        lease = Lease(lease_id, replica.id, granted, now + granted)
        self._leases[lease_id] = lease
        self._lease_of[replica.id] = lease_id
        self._keep(Registration(replica, kept, expires_at=lease.expires_at))
        return lease

    def add_static(
        self, replica: Replica, tools: Sequence[Tool], draining: bool = False
    ) -> Registration:
        """Add or replace a replica that something else vouches for, and needs no lease.

        Raises: as `register`; InvalidCall for the id of a leased replica.
        """
        before = self._registrations.get(replica.id)
        if before is not None and not before.static:
            raise InvalidCall(f"replica {replica.id} holds a lease; it cannot be configured too")
        registration = Registration(replica, self._admit(replica, tools), draining, static=True)
        if before is not None and replace(before, arrivals=()) == registration:
            return before
        self._forget(replica.id)
        return self._keep(registration)

    def remove_static(self, replica_id: str) -> None:
        """Drop a configured replica; an unknown one is not an error."""
        registration = self._registrations.get(replica_id)
        if registration is not None and registration.static:
            self._drop(replica_id)

    def renew(self, lease_id: str, now: float) -> Lease:
        """Let a lease end its TTL from now.

        Raises: LeaseNotFound when there is no such lease, or it ended already.
        """
        lease = replace(found := self._live(lease_id, now), expires_at=now + found.ttl)
        self._leases[lease_id] = lease
        self._registrations[lease.replica_id] = replace(
            self._registrations[lease.replica_id], expires_at=lease.expires_at
        )
        return lease

    def drain(self, lease_id: str, now: float) -> None:
        """Let a replica take no new calls; its lease goes on.

        Raises: LeaseNotFound when there is no such lease, or it ended already.
        """
        registration = self._registrations[self._live(lease_id, now).replica_id]
        if not registration.draining:
            self._note_update(replace(registration, draining=True))

    def deregister(self, lease_id: str) -> None:
        """End a lease at once; an unknown one is not an error."""
        lease = self._leases.get(lease_id)
        if lease is not None:
            self._drop(lease.replica_id)

    def expire(self, now: float) -> tuple[Registration, ...]:
        """Drop every replica whose lease is over and return what went."""
        over = [lease.replica_id for lease in self._leases.values() if lease.expires_at <= now]
        return tuple(self._drop(replica_id) for replica_id in over)

    def next_expiry(self) -> float | None:
        """Return when the first lease ends unless renewed; None without leases."""
        return min((lease.expires_at for lease in self._leases.values()), default=None)

    def take_changes(self) -> tuple[RegistryChange, ...]:
        """Return the changes since the last time, oldest first."""
        changes, self._changes = tuple(self._changes), []
        return changes

    def _admit(self, replica: Replica, tools: Sequence[Tool]) -> tuple[Tool, ...]:
        fewest = 0 if replica.services else 1
        if not fewest <= len(tools) <= MAX_TOOLS:
            raise InvalidCall(
                f"replica {replica.id}: {len(tools)} tools, not between {fewest} and {MAX_TOOLS}"
            )
        if replica.id not in self._registrations and len(self) >= self._max_replicas:
            raise Overloaded(f"the registry is full: {self._max_replicas} replicas")
        for tool in tools:
            wishes(tool.name, tool.policy)
        return self._versions.resolve(replica.id, tools)

    def _live(self, lease_id: str, now: float) -> Lease:
        lease = self._leases.get(lease_id)
        if lease is None or lease.expires_at <= now:
            raise LeaseNotFound("no such lease (any more); register again")
        return lease

    def _keep(self, registration: Registration) -> Registration:
        tools = registration.tools
        self._versions.hold(registration.replica.id, tools)
        arrivals = tuple(self._arrivals.come(tool.name, tool.version) for tool in tools)
        kept = replace(registration, arrivals=arrivals)
        self._note_update(kept)
        return kept

    def _note_update(self, registration: Registration) -> None:
        self._registrations[registration.replica.id] = registration
        self.version += 1
        self._changes.append(RegistrationUpdated(self.version, registration))

    def _drop(self, replica_id: str) -> Registration:
        registration = self._registrations[replica_id]
        self._forget(replica_id)
        self.version += 1
        self._changes.append(RegistrationRemoved(self.version, replica_id))
        return registration

    def _forget(self, replica_id: str) -> None:
        registration = self._registrations.pop(replica_id, None)
        if registration is not None:
            for tool in self._versions.release(replica_id, registration.tools):
                self._arrivals.go(tool.name, tool.version)
        lease_id = self._lease_of.pop(replica_id, None)
        if lease_id is not None:
            del self._leases[lease_id]
