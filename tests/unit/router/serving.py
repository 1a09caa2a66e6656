"""A grpc.aio server over loopback with the servicers under test, and stock stubs to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager

import grpc
import pytest

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.dispatch.replica_view import Standing
from mcpmesh.router.discovery_servicer import DiscoveryServicer
from mcpmesh.router.registrar import Registrar
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.router.replica_source import Found
from mcpmesh.v1 import (
    discovery_pb2,
    discovery_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
    tool_pb2,
)
from tests.listening import listening

clock = time.monotonic


class SeenReplicas:
    """A ReplicaView whose answers a test sets; READY when it does not."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[str, int, str]] = {}
        self.standings: dict[str, Standing] = {}

    def state(self, replica_id: str) -> tuple[str, int, str]:
        return self.states.get(replica_id, ("READY", 0, ""))

    def standing(self, replica_id: str) -> Standing | None:
        return self.standings.get(replica_id)


class Told:
    """What a source of replicas told last."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.times = 0

    def __call__(self, found: Iterable[Found]) -> None:
        self.found = list(found)
        self.times += 1

    @property
    def endpoints(self) -> list[str]:
        return [each.replica.endpoint for each in self.found]


class Stubs:
    def __init__(self, channel: grpc.aio.Channel, port: int) -> None:
        self.port = port
        self.registry = registry_pb2_grpc.RegistryServiceStub(channel)
        self.discovery = discovery_pb2_grpc.DiscoveryServiceStub(channel)


@asynccontextmanager
async def serving(*servicers: object, host: str = "127.0.0.1") -> AsyncIterator[Stubs]:
    server = grpc.aio.server()
    for servicer in servicers:
        if isinstance(servicer, registry_pb2_grpc.RegistryServiceServicer):
            registry_pb2_grpc.add_RegistryServiceServicer_to_server(servicer, server)
        else:
            discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(servicer, server)
    async with (
        listening(server, f"{host}:0") as port,
        grpc.aio.insecure_channel(f"{host}:{port}") as channel,
    ):
        yield Stubs(channel, port)


@asynccontextmanager
async def mesh(
    keeper: RegistryKeeper,
    view: SeenReplicas | None = None,
    host: str = "127.0.0.1",
    capabilities: Capabilities | None = None,
) -> AsyncIterator[Stubs]:
    registrar = Registrar(keeper, clock)
    discovery = DiscoveryServicer(keeper, view or SeenReplicas(), capabilities=capabilities)
    async with serving(registrar, discovery, host=host) as stubs, running(keeper.run()):
        yield stubs


@asynccontextmanager
async def running(coroutine) -> AsyncIterator[None]:
    task = asyncio.create_task(coroutine)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result()


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details()


def registering(
    replica_id: str, *names: str, endpoint: str = "10.0.0.7:50051", **fields: object
) -> registry_pb2.RegisterRequest:
    return registry_pb2.RegisterRequest(
        replica=discovery_pb2.Replica(id=replica_id, endpoint=endpoint, server="s"),
        tools=[tool_pb2.Tool(name=name, **fields) for name in names],
    )
