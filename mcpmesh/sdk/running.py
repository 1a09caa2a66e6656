"""A tool server between start and stop: what listens, and its leases at the routers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mcpmesh.config import NO_TLS, LimitSettings, TlsSettings
from mcpmesh.model.address import Address
from mcpmesh.model.identity import PeerIdentity
from mcpmesh.model.replica import Replica
from mcpmesh.rpc.standard import StandardServices
from mcpmesh.sdk.discovery_servicer import DiscoveryServicer
from mcpmesh.sdk.engine import add_standard_services, new_channel, new_server
from mcpmesh.sdk.load_reports import LoadReports
from mcpmesh.sdk.load_service import PROBE, LoadService
from mcpmesh.sdk.observer import PeerObserver, ToolObserver
from mcpmesh.sdk.registration import Registration
from mcpmesh.sdk.request_state import StateSeal
from mcpmesh.sdk.runner import Runner
from mcpmesh.sdk.servicer import ToolServicer
from mcpmesh.sdk.threads import Threads
from mcpmesh.sdk.tool import ToolFunction
from mcpmesh.transport.listening import check_exposure
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc, load_pb2

_SERVICES = (
    invoke_pb2.DESCRIPTOR.services_by_name["ToolService"].full_name,
    discovery_pb2.DESCRIPTOR.services_by_name["DiscoveryService"].full_name,
    load_pb2.DESCRIPTOR.services_by_name["LoadService"].full_name,
)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a tool server serves.

    Units: `lease_ttl` in seconds. `threads` bounds the plain functions that run at once;
    `insecure` lets it listen without TLS where other machines reach it.
    """

    seal: StateSeal
    threads: int = 32
    max_waiting_calls: int = 1024
    max_result_bytes: int = 4 * 1024 * 1024
    lease_ttl: float = 10.0
    observer: ToolObserver | None = None
    limits: LimitSettings = field(default_factory=LimitSettings)
    rng: Random = field(default_factory=Random)
    tls: TlsSettings = NO_TLS
    insecure: bool = False
    load: Callable[[], float] | None = None


class Running:
    """One started tool server. Whoever makes it, stops it."""

    def __init__(self, functions: Mapping[str, ToolFunction], settings: ServerSettings) -> None:
        self._functions = functions
        self._settings = settings
        self._threads = Threads(settings.threads, settings.max_waiting_calls)
        self._servicer = ToolServicer(
            functions,
            Runner(self._threads, settings.seal),
            max_result_bytes=settings.max_result_bytes,
            observer=settings.observer,
            rng=settings.rng,
            may_speak_for_others=self._is_router,
            reports=LoadReports(settings.load) if settings.load is not None else None,
        )
        observer = settings.observer
        self._server: Any = new_server(
            settings.limits, observer.refused if isinstance(observer, PeerObserver) else None
        )
        self._discovery: DiscoveryServicer | None = None
        self._standard: StandardServices | None = None
        self._channels: list[Any] = []
        self._registrations: list[Registration] = []
        self._leases: list[asyncio.Task[None]] = []

    def listen(self, listen: str) -> Address:
        """Bind an address (port 0: a free one); return it with its port.

        Raises: InvalidSetting for one that needs TLS, and for TLS files that cannot be used.
        """
        tls = self._settings.tls
        check_exposure("listen", Address.parse(listen), tls, self._settings.insecure)
        bound: Address = self._server.listen(listen, tls)
        return bound

    async def start(self, replica: Replica, routers: Sequence[str]) -> None:
        """Serve, and register at each router."""
        tools = [function.tool for function in self._functions.values()]
        self._discovery = DiscoveryServicer(tools, replica, lambda: self._servicer.in_flight)
        invoke_pb2_grpc.add_ToolServiceServicer_to_server(  # type: ignore[no-untyped-call]
            self._servicer, self._server
        )
        discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(  # type: ignore[no-untyped-call]
            self._discovery, self._server
        )
        self._server.add_raw_handler(PROBE, LoadService(self._servicer.load_of).handler)
        self._standard = add_standard_services(self._server, _SERVICES)
        await self._server.start()
        await self._standard.serving()
        for router in routers:
            channel = new_channel(router, self._settings.tls, self._settings.limits)
            registration = Registration(
                channel,
                router,
                replica,
                tools,
                ttl=self._settings.lease_ttl,
                rng=self._settings.rng,
            )
            self._channels.append(channel)
            self._registrations.append(registration)
            self._leases.append(asyncio.create_task(registration.run(), name=f"lease {router}"))

    def replace(self, functions: Mapping[str, ToolFunction], withdrawn: str = "") -> None:
        """Serve these from the next call on, and tell routers and watchers; calls go on.

        Without any, the replica leaves the mesh until it has some; `withdrawn` says why.
        """
        tools = [function.tool for function in functions.values()]
        self._servicer.replace(functions, withdrawn)
        if self._discovery is not None:
            self._discovery.replace(tools)
        for registration in self._registrations:
            registration.replace(tools)

    def _is_router(self, peer: PeerIdentity) -> bool:
        """Tell whether a caller has the certificate's name of a router we are registered at."""
        return any(peer.name in each.server_names for each in self._channels)

    async def registered(self) -> None:
        """Wait until every router knows this replica."""
        await asyncio.gather(*(each.registered.wait() for each in self._registrations))

    async def failed(self) -> None:
        """Wait until a router refuses the tools for good; forever without routers.

        Raises: InvalidCall saying what is refused.
        """
        if not self._leases:
            await asyncio.Event().wait()
        await asyncio.gather(*self._leases)

    async def stop(self, grace: float) -> None:
        """Drain, let the calls in flight finish within `grace` seconds, leave, close."""
        await asyncio.gather(*(each.drain() for each in self._registrations))
        if self._standard is not None:
            await self._standard.draining()
        if self._discovery is not None:
            self._discovery.close()
        await self._server.stop(grace)
        for lease in self._leases:
            lease.cancel()
        await asyncio.gather(*self._leases, return_exceptions=True)
        await asyncio.gather(*(each.leave() for each in self._registrations))
        for channel in self._channels:
            await channel.close()
        self._threads.close()
