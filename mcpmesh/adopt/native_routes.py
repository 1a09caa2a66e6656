"""Tells routers of adopted gRPC services, so that callers with the protos reach them by path.

Routers relay such calls unopened, straight to the service: the adapter is not on their way.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import SystemRandom
from typing import Protocol, runtime_checkable

from mcpmesh.config import LimitSettings, TlsSettings
from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import Address
from mcpmesh.model.replica import MAX_SERVICES, Replica
from mcpmesh.sdk.engine import new_channel
from mcpmesh.sdk.registration import Registration

_LOG = logging.getLogger("mcpmesh.adopt")
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


@runtime_checkable
class RoutedByPath(Protocol):
    """An upstream whose calls routers can also relay by path, straight to it."""

    def route_at(self, routers: Sequence[str], tls: TlsSettings, limits: LimitSettings) -> None:
        """Have these routers told, which are reached by these settings."""
        ...


class NativeRoutes:
    """The routers to tell, and how they are reached.

    Units: `ttl` of the leases in seconds.
    """

    def __init__(
        self,
        name: str,
        routers: Sequence[str],
        tls: TlsSettings,
        limits: LimitSettings,
        *,
        ttl: float = 10.0,
    ) -> None:
        self._name = name
        self._routers = tuple(routers)
        self._tls = tls
        self._limits = limits
        self._ttl = ttl

    def __repr__(self) -> str:
        return f"NativeRoutes({self._name} at {', '.join(self._routers)})"

    @asynccontextmanager
    async def of(
        self, address: str, tls: TlsSettings, services: Sequence[str]
    ) -> AsyncIterator[None]:
        """Have the services at an address routed meanwhile, where the routers can reach it."""
        if len(services) > MAX_SERVICES:
            _LOG.warning("%s: only %d services are routed by path", self._name, MAX_SERVICES)
        replica = Replica(
            # Of the system's randomness: two adapters of one service are two replicas.
            f"{self._name}-native-{SystemRandom().getrandbits(32):08x}",
            address,
            self._name,
            services=tuple(services[:MAX_SERVICES]),
            server_name=tls.tls_server_name,
        )
        routers = [each for each in self._routers if services and self._reaches(each, replica, tls)]
        channels = [new_channel(each, self._tls, self._limits) for each in routers]
        leases = [
            Registration(channel, router, replica, (), ttl=self._ttl)
            for channel, router in zip(channels, routers, strict=True)
        ]
        tasks = [asyncio.create_task(self._keep(each), name=f"native {each}") for each in leases]
        try:
            yield
        finally:
            await asyncio.gather(*(each.drain() for each in leases))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(each.leave() for each in leases))
            for channel in channels:
                await channel.close()

    async def _keep(self, lease: Registration) -> None:
        try:
            await lease.run()
        except InvalidCall as error:
            _LOG.warning("%s: not routed by path: %s", self._name, error.message)

    def _reaches(self, router: str, replica: Replica, tls: TlsSettings) -> bool:
        """Tell whether a router can call the address itself; a line in the log if not."""
        reason = ""
        if self._tls.connects != tls.connects:
            reason = "the routers speak TLS and the service does not, or the other way round"
        elif _is_local(replica.endpoint) and not _is_local(router):
            reason = f"{replica.endpoint} is this machine's own, and the router is elsewhere"
        if reason:
            _LOG.info("%s: its tools are offered, but not its paths: %s", self._name, reason)
        return not reason


def _is_local(endpoint: str) -> bool:
    address = Address.parse(endpoint)
    return address.is_unix or address.host in _LOOPBACK
