"""Puts a router together: the one room that knows all the others.

A `Router` is a whole router, or one worker of several that follow the registry of a
`RegistryHost` in their parent process.
"""

import asyncio
import logging
from dataclasses import replace
from functools import partial
from random import Random

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.balance.place import Place
from mcpmesh.codec.status import status_of
from mcpmesh.config import NO_TLS, LimitSettings, RouterSettings, TlsSettings
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.dispatch.fallback_check import FallbackCheck
from mcpmesh.dispatch.layers import StackParts, layers
from mcpmesh.dispatch.local_mesh import LocalMesh
from mcpmesh.dispatch.note_board import NoteBoard
from mcpmesh.dispatch.observe import InFlight
from mcpmesh.dispatch.pool import Pool
from mcpmesh.dispatch.registry_follower import RegistryFollower
from mcpmesh.dispatch.remote_notes import RemoteNotes
from mcpmesh.dispatch.tool_calls import tool_dispatcher
from mcpmesh.dispatch.unknown_tool import unknown_tool
from mcpmesh.errors import MeshError
from mcpmesh.model.address import Address
from mcpmesh.policy.access import Access
from mcpmesh.router.discovery_servicer import DiscoveryServicer
from mcpmesh.router.embedding import load_meaning
from mcpmesh.router.forwarding_registrar import ForwardingRegistrar
from mcpmesh.router.frontend import Frontend
from mcpmesh.router.mcp_service import SERVICE as MCP_SERVICE
from mcpmesh.router.mcp_service import add_mcp_service, check_mcp_grpc
from mcpmesh.router.note_servicer import NoteServicer
from mcpmesh.router.policy_check import PolicyCheck
from mcpmesh.router.registrar import Registrar
from mcpmesh.router.registry_host import keep
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.router.service_routes import ServiceRoutes, ServiceTable
from mcpmesh.router.shared_feedback import SharedFeedback
from mcpmesh.router.static_source import StaticSource
from mcpmesh.rpc.channel import Channel
from mcpmesh.rpc.limits import server_options, wire_limits
from mcpmesh.rpc.server import Server
from mcpmesh.rpc.standard import StandardServices
from mcpmesh.stack.authorizing import named_method
from mcpmesh.stack.notes import Notes
from mcpmesh.telemetry.attributes import SERVER_ADDRESS, SERVER_PORT
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.credentials import channel_credentials
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.listening import check_exposure
from mcpmesh.transport.refusals import Refusals
from mcpmesh.v1 import (
    discovery_pb2_grpc,
    notes_pb2_grpc,
    registry_pb2_grpc,
)

_log = logging.getLogger("mcpmesh.router")
_SERVICES = (
    "mcpmesh.v1.ToolService",
    "mcpmesh.v1.DiscoveryService",
    "mcpmesh.v1.RegistryService",
    "mcpmesh.v1.NoteService",
)


class Router:
    """A running router on one event loop.

    With `registry` (HOST:PORT) it is a worker: it follows the registry there, and shares its
    port with its siblings. `insecure` lets it listen without TLS where other machines reach it.
    `access` says who may call what; None: everybody everything.
    Raises: InvalidSetting for TLS files that cannot be used, and an address that needs TLS.
    """

    def __init__(
        self,
        settings: RouterSettings,
        telemetry: Telemetry,
        *,
        registry: str = "",
        tls: TlsSettings = NO_TLS,
        insecure: bool = False,
        limits: LimitSettings | None = None,
        access: Access | None = None,
    ) -> None:
        check_exposure("grpc", Address.parse(settings.grpc), tls, insecure)
        if settings.mcp_grpc:
            check_mcp_grpc()
        self._settings = settings
        self._tls = tls
        self._credentials = channel_credentials(tls)
        self._limits = limits or LimitSettings()
        self._access = access or Access()
        self._telemetry = telemetry
        self._registry = registry
        self._tasks: list[asyncio.Task[None]] = []
        self._channel: Channel | None = None
        self._static: StaticSource | None = None
        self._board: NoteBoard | None = None
        self._stopped = False

    async def start(self) -> str:
        """Build everything, and take calls.

        Returns: the bound endpoint.
        Raises: OSError when the address can't be had.
        """
        loop = asyncio.get_running_loop()
        settings, telemetry, rng = self._settings, self._telemetry, Random()
        refused = telemetry.instruments.peer_refusals
        hub = Hub(loop, rng=rng, refusals=Refusals(lambda reason: refused.cell(reason).add()))
        server = self._server = Server(
            server_options(self._limits, reuse_port=bool(self._registry)), hub=hub
        )
        bound = server.listen(settings.grpc, self._tls)
        model = settings.search_model
        meaning = await loop.run_in_executor(None, load_meaning, model) if model else None
        source, registrar = await self._source(rng, hub)
        pool = self._pool = self._connections(hub, rng, str(bound))
        source.listen(pool.on_catalog)
        # After the pool, by whose routes it goes.
        source.listen(FallbackCheck(lambda: pool.routes).on_catalog)
        source.listen(PolicyCheck(settings.tool_policies()).on_catalog)
        capabilities = Capabilities(settings.choosings())
        source.listen(capabilities.on_catalog)
        in_flight = InFlight()
        parts = StackParts(
            telemetry, pool, partial(unknown_tool, source), loop, rng, in_flight,
            settings.call_log, settings.tool_policies().fallbacks, self._limits.max_message_bytes,
            self._access,
        )  # fmt: skip
        dispatcher = tool_dispatcher(
            parts,
            default_timeout=settings.default_timeout,
            capabilities=capabilities,
            refused=self._count_refusal,
        )
        self._take_calls(server, dispatcher, parts)
        discovery = self._discovery = DiscoveryServicer(
            source, pool, lambda: pool.routes, capabilities, meaning=meaning
        )
        notes = self._notes()
        if self._registry:
            shared = discovery.shared = SharedFeedback(discovery.choices, notes, rng)
            self._tasks.append(asyncio.create_task(shared.run(), name="share feedback"))
        self._mesh = LocalMesh(dispatcher, source, pool, discovery.search, notes)
        self._serve(server, discovery, registrar, notes)
        self._end_watches = source.end_watches
        _observe(telemetry, pool, in_flight)
        await server.start()
        await self._standard.serving()
        return str(bound if bound.is_unix or bound.host else replace(bound, host="0.0.0.0"))

    def _connections(self, hub: Hub, rng: Random, bound: str) -> Pool:
        """Return our connections to the replicas, none so far."""
        settings, ejections = self._settings, self._telemetry.instruments.ejections
        return Pool(
            hub, rng, wire_limits(self._limits), reconnected=self._reconnected, lost=self._lost,
            gone=self._forget_replica, credentials=self._credentials,
            policies=settings.tool_policies(), health=settings.health_policy(),
            ejected=lambda reason: ejections.cell(reason).add(),
            place=Place(bound, settings.zone),
        )  # fmt: skip

    def _take_calls(self, server: Server, dispatcher: Dispatcher, parts: StackParts) -> None:
        """Have calls of tools begin, and those of services that replicas have besides."""
        proves_callers = bool(self._tls.client_ca)
        Frontend(dispatcher, proves_callers=proves_callers).serve_on(server)
        table = ServiceTable(self._pool)
        services = replace(
            parts, table=table, unknown=table.unknown, fallbacks={}, named=named_method
        )
        relays = ServiceRoutes(layers(services), table, proves_callers=proves_callers)
        server.raw_fallback = relays.take

    def _serve(
        self,
        server: Server,
        discovery: DiscoveryServicer,
        registrar: Registrar | ForwardingRegistrar,
        notes: Notes,
    ) -> None:
        """Serve what is the router's own."""
        discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(  # type: ignore[no-untyped-call]
            discovery, server
        )
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(  # type: ignore[no-untyped-call]
            registrar, server
        )
        notes_pb2_grpc.add_NoteServiceServicer_to_server(  # type: ignore[no-untyped-call]
            NoteServicer(notes), server
        )
        if self._settings.mcp_grpc:
            add_mcp_service(server, self._mesh, self._access)
        mcp = (MCP_SERVICE,) if self._settings.mcp_grpc else ()
        self._standard = StandardServices(server, (*_SERVICES, *mcp))

    @property
    def mesh(self) -> LocalMesh:
        """The mesh for a bridge in this process."""
        return self._mesh

    async def stop(self, grace: float) -> None:
        """Drain: no new calls, GOAWAY, let what runs finish within `grace` seconds, close.

        Units: seconds.
        """
        if self._stopped:
            return
        self._stopped = True
        await self._standard.draining()
        self._end_watches()
        if self._board is not None:
            self._board.end()
        await self._server.stop(grace)
        self._discovery.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._pool.close(0)
        if self._channel is not None:
            await self._channel.close()

    async def _source(
        self, rng: Random, hub: Hub
    ) -> tuple[RegistryKeeper | RegistryFollower, Registrar | ForwardingRegistrar]:
        """Return where the catalog comes from, and who takes registrations."""
        loop = asyncio.get_running_loop()
        if self._registry:
            self._channel = Channel(self._registry, hub=hub, rng=rng)
            stub = registry_pb2_grpc.RegistryServiceStub(self._channel)  # type: ignore[no-untyped-call]
            follower = RegistryFollower(stub.WatchRegistry, rng)
            self._tasks.append(asyncio.create_task(follower.run(), name="follow the registry"))
            await follower.synced()
            return follower, ForwardingRegistrar(stub)
        keeper = RegistryKeeper(loop.time, default_ttl=self._settings.lease)
        self._static = keep(keeper, self._settings, rng, self._tasks, self._credentials)
        return keeper, Registrar(keeper, loop.time, self._access)

    def _notes(self) -> Notes:
        """Return the notes of bridges: of all workers, those of their parent."""
        if self._channel is not None:
            return RemoteNotes(self._channel)
        self._board = NoteBoard(asyncio.get_running_loop().time)
        return self._board

    def _reconnected(self, replica_id: str) -> None:
        if self._static is not None:
            self._static.reconnected(replica_id)

    def _lost(self, replica_id: str) -> None:
        if self._static is not None:
            self._static.lost(replica_id)

    def _forget_replica(self, host: str, port: int) -> None:
        """Drop the metrics of a replica that is gone: in a fleet that scales they would pile up."""
        self._telemetry.instruments.rpc_client.forget({SERVER_ADDRESS: host, SERVER_PORT: port})

    def _count_refusal(self, method: str, error: MeshError) -> None:
        name = status_of(error).code.name
        self._telemetry.instruments.refusals.cell(name).add()
        _log.info("%s refused: %s", method, error.message, extra={"outcome": name})


def _observe(telemetry: Telemetry, pool: Pool, in_flight: InFlight) -> None:
    """Have the gauges read what the router holds."""
    telemetry.instruments.calls_in_flight.observe(lambda: {(): in_flight.calls})
    telemetry.instruments.replicas.observe(
        lambda: {(state,): count for state, count in pool.states().items()}
    )
    telemetry.instruments.replica_health.observe(
        lambda: {(health,): count for health, count in pool.healths().items()}
    )
