"""Follows the registry of a parent process, so that every process of a router knows all replicas.

While the parent is out of reach the last state stays: calls go on with the replicas known.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from random import Random
from typing import Protocol

import grpc

from mcpmesh.codec.tool import seconds
from mcpmesh.discovery.registration import (
    Registration,
    RegistrationRemoved,
    RegistrationUpdated,
    RegistryChange,
)
from mcpmesh.dispatch.catalog_feed import CatalogFeed
from mcpmesh.dispatch.catalog_source import OnCatalog, Stop
from mcpmesh.dispatch.catalog_watch import CatalogWatch
from mcpmesh.dispatch.registry_messages import EPOCH_KEY, INCOMPLETE, registration_from_message
from mcpmesh.errors import Draining, MeshError
from mcpmesh.model.catalog import Catalog
from mcpmesh.policy.backoff import Backoff
from mcpmesh.v1 import registry_pb2

_log = logging.getLogger(__name__)
_LEASES_WITHIN = 2.0


class RegistryStream(Protocol):
    """A call of WatchRegistry."""

    def __aiter__(self) -> AsyncIterator[registry_pb2.RegistryEvent]:
        """Give the events."""
        ...

    async def initial_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """Wait for the metadata that came before the events."""
        ...

    def cancel(self) -> bool:
        """Give the stream up."""
        ...


#: RegistryServiceStub.WatchRegistry.
WatchRegistry = Callable[[registry_pb2.WatchRegistryRequest], RegistryStream]


class RegistryFollower:
    """A copy of the parent's registry, kept up to date while `run` runs.

    A CatalogSource. It takes over the parent's epoch and versions, so that a watcher may resume
    with a cursor that another follower of the same parent gave. Who is a little ahead or has
    forgotten more answers such a cursor with a snapshot.
    """

    def __init__(
        self, watch_registry: WatchRegistry, rng: Random, backoff: Backoff | None = None
    ) -> None:
        self._watch_registry = watch_registry
        self._rng = rng
        self._backoff = backoff or Backoff()
        self._feed = CatalogFeed(secrets.token_hex(6), 0)
        self._synced = asyncio.Event()
        self._failures = 0

    def __repr__(self) -> str:
        return f"RegistryFollower({self._feed}, {self._failures} failures)"

    @property
    def catalog(self) -> Catalog:
        """The tools as they are now."""
        return self._feed.catalog

    @property
    def cursor(self) -> str:
        """The state that `catalog` shows."""
        return self._feed.cursor

    def registrations(self) -> tuple[Registration, ...]:
        """Return all replicas as the parent registered them; their leases are the parent's."""
        return self._feed.registrations()

    async def leases(self) -> Mapping[str, float]:
        """Ask the parent how many seconds each lease has left, by replica id.

        Leases are renewed every few seconds and nobody but a person looks at them, so they are
        asked for and not followed. A parent that does not answer leaves them unknown.
        """
        found: dict[str, float] = {}
        try:
            async with asyncio.timeout(_LEASES_WITHIN):
                await self._read_leases(found)
        except (TimeoutError, grpc.RpcError, MeshError) as error:
            _log.warning("the registry does not tell its leases: %s", error or "no answer")
        return found

    async def _read_leases(self, found: dict[str, float]) -> None:
        stream = self._watch_registry(registry_pb2.WatchRegistryRequest())
        try:
            async for event in stream:
                parts = event.snapshot.registrations or [event.updated]
                for each in parts:
                    if each.HasField("lease_remaining"):
                        found[each.replica.id] = seconds(each.lease_remaining)
                if event.version != INCOMPLETE:
                    return
        finally:
            stream.cancel()

    def listen(self, on_catalog: OnCatalog) -> Stop:
        """Call at once with the catalog as it is, then with each new one; must not block."""
        return self._feed.listen(on_catalog)

    def watch(
        self, labels: Mapping[str, str] | None = None, cursor: str = ""
    ) -> AbstractContextManager[CatalogWatch]:
        """Watch the tools with these labels from a cursor on, or from a snapshot."""
        return self._feed.watch(labels, cursor)

    @property
    def is_synced(self) -> bool:
        """Tell whether the parent's registry came."""
        return self._synced.is_set()

    async def synced(self) -> None:
        """Wait until the parent's registry came for the first time."""
        await self._synced.wait()

    def end_watches(self) -> None:
        """End every watch: the router goes down."""
        self._feed.end_watches(Draining("the router goes down; watch again"))

    async def run(self) -> None:
        """Follow the parent, again and again, until cancelled."""
        while True:
            reason = "its stream ended"
            try:
                await self._follow()
            except grpc.RpcError as error:
                reason = error.details() or error.code().name
            except MeshError as error:
                reason = str(error)
            self._failures += 1
            wait = self._backoff.wait(self._failures, self._rng)
            # Once per outage as a warning: without the registry there is still the router itself.
            level = logging.WARNING if self._failures == 1 else logging.DEBUG
            _log.log(level, "lost the registry (%s); following it again in %.3f s", reason, wait)
            await asyncio.sleep(wait)

    async def _follow(self) -> None:
        stream = self._watch_registry(registry_pb2.WatchRegistryRequest())
        try:
            epoch = _epoch(await stream.initial_metadata())
            parts: list[Registration] = []
            async for event in stream:
                self._failures = 0
                self._take(event, epoch, parts)
        finally:
            stream.cancel()

    def _take(
        self, event: registry_pb2.RegistryEvent, epoch: str, parts: list[Registration]
    ) -> None:
        """Take an event; `parts` holds the snapshot until its last part came."""
        if event.HasField("snapshot"):
            parts[:] = map(registration_from_message, event.snapshot.registrations)
        elif event.version == INCOMPLETE or parts:
            parts.append(registration_from_message(event.updated))
        else:
            self._feed.apply([_change(event)])
            return
        if event.version != INCOMPLETE:
            self._feed.replace(epoch, event.version, parts)
            parts.clear()
            self._synced.set()


def _change(event: registry_pb2.RegistryEvent) -> RegistryChange:
    if event.HasField("updated"):
        return RegistrationUpdated(event.version, registration_from_message(event.updated))
    return RegistrationRemoved(event.version, event.removed)


def _epoch(metadata: Iterable[tuple[str, str | bytes]] | None) -> str:
    """Return the parent's epoch; one of our own when it gave none, for which nobody has cursors."""
    given = dict(metadata or ()).get(EPOCH_KEY)
    return given if isinstance(given, str) and given else secrets.token_hex(6)
