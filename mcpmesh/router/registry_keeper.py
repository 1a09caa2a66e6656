"""Owns the mesh's registry: leases, the catalog made of them, and who follows both."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from mcpmesh.discovery.lease import DEFAULT_TTL, Lease
from mcpmesh.discovery.registration import Registration, RegistryChange
from mcpmesh.discovery.registry import MAX_REPLICAS, Registry
from mcpmesh.dispatch.catalog_feed import CatalogFeed
from mcpmesh.dispatch.catalog_source import OnCatalog, Stop
from mcpmesh.dispatch.catalog_watch import CatalogWatch
from mcpmesh.dispatch.mailbox import Mailbox
from mcpmesh.errors import Draining
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool

FOLLOWER_BOUND = 4096
#: A lease is swept this much after its end, so that a timer that fires early finds it over.
_LATE = 0.001


class RegistryKeeper:
    """A registry that lives: leases end by themselves while `run` runs.

    A CatalogSource. Not thread-safe: everything happens on one event loop.
    Units: `clock` gives seconds, monotonic.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        epoch: str = "",
        default_ttl: float = DEFAULT_TTL,
        max_replicas: int = MAX_REPLICAS,
        follower_bound: int = FOLLOWER_BOUND,
    ) -> None:
        self._clock = clock
        self._registry = Registry(default_ttl, max_replicas)
        self._feed = CatalogFeed(epoch or secrets.token_hex(6), self._registry.version)
        self._follower_bound = follower_bound
        self._followers: set[Mailbox[RegistryChange]] = set()
        self._new_lease = asyncio.Event()

    def __repr__(self) -> str:
        return f"RegistryKeeper({self._registry}, {self._feed}, {len(self._followers)} followers)"

    @property
    def catalog(self) -> Catalog:
        """The tools as they are now."""
        return self._feed.catalog

    @property
    def cursor(self) -> str:
        """The state that `catalog` shows."""
        return self._feed.cursor

    @property
    def epoch(self) -> str:
        """Which life of the registry this is."""
        return self._feed.epoch

    @property
    def version(self) -> int:
        """Grows by one with each change of the registry."""
        return self._registry.version

    def registrations(self) -> tuple[Registration, ...]:
        """Return all replicas as they are registered now."""
        return tuple(self._registry)

    async def leases(self) -> Mapping[str, float]:
        """Return how many seconds each lease has left, by replica id."""
        now = self._clock()
        return {
            each.replica.id: max(0.0, each.expires_at - now)
            for each in self._registry
            if each.expires_at is not None
        }

    def listen(self, on_catalog: OnCatalog) -> Stop:
        """Call at once with the catalog as it is, then with each new one; must not block."""
        return self._feed.listen(on_catalog)

    def watch(
        self, labels: Mapping[str, str] | None = None, cursor: str = ""
    ) -> AbstractContextManager[CatalogWatch]:
        """Watch the tools with these labels from a cursor on, or from a snapshot."""
        return self._feed.watch(labels, cursor)

    def register(
        self, replica: Replica, tools: Sequence[Tool], ttl: float | None = None
    ) -> tuple[Lease, tuple[Tool, ...]]:
        """Add a replica, or replace what it had; return its lease and its tools as kept.

        Raises: InvalidCall, Overloaded; see Registry.register.
        """
        # Who should be gone must not stand in the way of a newcomer's versions.
        now = self._clock()
        self._registry.expire(now)
        try:
            lease = self._registry.register(replica, tools, ttl, now, secrets.token_urlsafe(18))
        finally:
            self._publish()
        self._new_lease.set()
        registration = self._registry.get(replica.id)
        assert registration is not None
        return lease, registration.tools

    def renew(self, lease_id: str) -> Lease:
        """Let a lease end its TTL from now.

        Raises: LeaseNotFound.
        """
        return self._registry.renew(lease_id, self._clock())

    def drain(self, lease_id: str) -> None:
        """Let a replica take no new calls.

        Raises: LeaseNotFound.
        """
        self._registry.drain(lease_id, self._clock())
        self._publish()

    def deregister(self, lease_id: str) -> None:
        """End a lease at once; an unknown one is not an error."""
        self._registry.deregister(lease_id)
        self._publish()

    def add_static(self, replica: Replica, tools: Sequence[Tool], draining: bool = False) -> None:
        """Add or replace a configured replica; one that drains takes no new calls.

        Raises: InvalidCall, Overloaded; see Registry.add_static.
        """
        self._registry.add_static(replica, tools, draining)
        self._publish()

    def remove_static(self, replica_id: str) -> None:
        """Drop a configured replica; an unknown one is not an error."""
        self._registry.remove_static(replica_id)
        self._publish()

    @contextmanager
    def follow(self, follower: str) -> Iterator[Mailbox[RegistryChange]]:
        """Give every change from now on to a follower, who reads the state before by itself."""
        mailbox: Mailbox[RegistryChange] = Mailbox(self._follower_bound, follower)
        self._followers.add(mailbox)
        try:
            yield mailbox
        finally:
            self._followers.discard(mailbox)

    async def run(self) -> None:
        """Sweep leases when they end, until cancelled."""
        while True:
            self._new_lease.clear()
            self._registry.expire(self._clock())
            self._publish()
            ends = self._registry.next_expiry()
            wait = None if ends is None else max(0.0, ends - self._clock()) + _LATE
            try:
                async with asyncio.timeout(wait):
                    await self._new_lease.wait()
            except TimeoutError:
                pass

    def end_watches(self) -> None:
        """End every watch and every follower's stream: the router goes down."""
        error = Draining("the router goes down; watch again")
        self._feed.end_watches(error)
        for follower in tuple(self._followers):
            follower.end(error)

    def _publish(self) -> None:
        changes = self._registry.take_changes()
        self._feed.apply(changes)
        for change in changes:
            for follower in self._followers:
                follower.put(change)
