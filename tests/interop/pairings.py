"""Who calls whom: clients, servers, and the router between, in this process over loopback."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import grpc

from mcpmesh.config import RouterSettings
from mcpmesh.router.wiring import Router
from mcpmesh.rpc.channel import Channel
from mcpmesh.rpc.server import Server
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc
from tests.interop.cases import Peer
from tests.interop.service import TestService
from tests.interop.stubs import SERVICE, pb2_grpc
from tests.interop.tap import Tap

OURS = "ours"
GRPCIO = "grpcio"
ANY = "127.0.0.1:0"


@dataclass(frozen=True)
class Pairing:
    """A client and a server, each ours or grpc.aio's, and whether the router is between."""

    client: str
    server: str
    routed: bool = False

    def __str__(self) -> str:
        client = "rpc.Channel" if self.client == OURS else self.client
        server = "rpc.Server" if self.server == OURS else self.server
        return f"{client} → {'router → ' if self.routed else ''}{server}"


#: The first is the measure: what a case expects, it does.
PAIRINGS = (
    Pairing(GRPCIO, GRPCIO),
    Pairing(GRPCIO, OURS),
    Pairing(OURS, GRPCIO),
    Pairing(OURS, OURS),
    Pairing(GRPCIO, GRPCIO, routed=True),
    Pairing(GRPCIO, OURS, routed=True),
    Pairing(OURS, OURS, routed=True),
)


@asynccontextmanager
async def peer_of(pairing: Pairing) -> AsyncIterator[Peer]:
    """Start a pairing's server, and the router if it has one; yield the way there."""
    async with AsyncExitStack() as stack:
        tap = Tap()
        port = await stack.enter_async_context(serving(pairing.server, tap))
        if pairing.routed:
            port = await stack.enter_async_context(routing([port]))
        yield await stack.enter_async_context(reaching(pairing.client, port, tap))


@asynccontextmanager
async def reaching(client: str, port: int, tap: Tap) -> AsyncIterator[Peer]:
    """Yield a client's way to whatever serves at a port."""
    await tap.start(port)
    try:
        yield Peer(
            connect=partial(connected, client, port),
            connect_tapped=partial(connected, client, tap.port),
            tap=tap,
        )
    finally:
        await tap.stop()


@asynccontextmanager
async def serving(kind: str, tap: Tap) -> AsyncIterator[int]:
    """Run the test service on a server of ours or of grpc.aio; yields its port."""
    server: Any = Server() if kind == OURS else grpc.aio.server()
    pb2_grpc.add_TestServiceServicer_to_server(TestService(tap), server)
    port = server.add_insecure_port(ANY)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@asynccontextmanager
async def routing(ports: Sequence[int]) -> AsyncIterator[int]:
    """Run a router before the test services at these ports; yields its port."""
    static = tuple(f"127.0.0.1:{port}=/{SERVICE}" for port in ports)
    # Calls that fail as a case wants them to are no news.
    settings = RouterSettings(grpc=ANY, static=static, call_log="off")
    router = Router(settings, without_exporters(Random(1)))
    endpoint = await router.start()
    try:
        await _until_ready(endpoint, len(ports))
        yield int(endpoint.rpartition(":")[2])
    finally:
        await router.stop(0)


async def _until_ready(endpoint: str, count: int) -> None:
    async with asyncio.timeout(20), grpc.aio.insecure_channel(endpoint) as channel:
        discovery = discovery_pb2_grpc.DiscoveryServiceStub(channel)
        while True:
            shown = await discovery.ListReplicas(discovery_pb2.ListReplicasRequest())
            if [each.state for each in shown.replicas] == ["READY"] * count:
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def connected(client: str, port: int) -> AsyncIterator[Any]:
    """Open a channel of ours or of grpc.aio."""
    target = f"127.0.0.1:{port}"
    if client == OURS:
        channel: Any = Channel(target)
    else:
        # A connection of its own, not one that another channel to this target has.
        options = (("grpc.use_local_subchannel_pool", 1),)
        channel = grpc.aio.insecure_channel(target, options)
    try:
        yield channel
    finally:
        await channel.close()
