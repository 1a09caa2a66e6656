"""The registry of a router, kept up to date; in a process of its own when workers share it."""

import asyncio
from random import Random

from mcpmesh.config import NO_TLS, RouterSettings, TlsSettings
from mcpmesh.dispatch.note_board import NoteBoard
from mcpmesh.model.address import join_endpoint
from mcpmesh.model.replica import Replica
from mcpmesh.router.note_servicer import NoteServicer
from mcpmesh.router.registrar import Registrar
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.router.static_source import StaticSource
from mcpmesh.rpc.channel import Channel
from mcpmesh.rpc.server import Server
from mcpmesh.transport.credentials import ChannelCredentials, channel_credentials
from mcpmesh.v1 import notes_pb2_grpc, registry_pb2_grpc


class RegistryHost:
    """The registry of several workers and the notes of bridges, served to them alone on a port."""

    def __init__(self, settings: RouterSettings, tls: TlsSettings = NO_TLS) -> None:
        self._settings = settings
        self._credentials = channel_credentials(tls)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Serve.

        Returns: the bound endpoint, on this machine's loopback.
        """
        clock = asyncio.get_running_loop().time
        self._keeper = RegistryKeeper(clock, default_ttl=self._settings.lease)
        keep(self._keeper, self._settings, Random(), self._tasks, self._credentials)
        self._server = Server()
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(  # type: ignore[no-untyped-call]
            Registrar(self._keeper, clock), self._server
        )
        self._board = NoteBoard(clock)
        notes_pb2_grpc.add_NoteServiceServicer_to_server(  # type: ignore[no-untyped-call]
            NoteServicer(self._board), self._server
        )
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return join_endpoint("127.0.0.1", port)

    async def stop(self) -> None:
        """End the workers' watches, and close."""
        self._keeper.end_watches()
        self._board.end()
        await self._server.stop(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def keep(
    keeper: RegistryKeeper,
    settings: RouterSettings,
    rng: Random,
    tasks: list[asyncio.Task[None]],
    credentials: ChannelCredentials | None,
) -> StaticSource:
    """Start what keeps a registry up to date: leases that end, and replicas that others tell of."""

    def channel_for(replica: Replica) -> Channel:
        return Channel(replica.endpoint, tls=credentials, server_name=replica.server_name)

    static = StaticSource(
        keeper, settings.static_replicas(), channel_for, rng, file=settings.discovery_file
    )
    tasks.append(asyncio.create_task(keeper.run(), name="leases"))
    tasks.append(asyncio.create_task(static.run(), name="static replicas"))
    return static
