"""A tool server's lease, opposite a registry on grpcio."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import grpc
import pytest

from mcpmesh import ToolServer
from mcpmesh.codec.tool import duration
from mcpmesh.errors import InvalidCall
from mcpmesh.sdk import registration
from mcpmesh.sdk.registration import BACKOFF
from mcpmesh.v1 import registry_pb2, registry_pb2_grpc
from tests.eventually import eventually

TTL = 0.15


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    """Keeps a diary of what was asked."""

    def __init__(self, ttl: float = TTL) -> None:
        self._ttl = ttl
        self.diary: list[str] = []
        self.request = registry_pb2.RegisterRequest()
        self.forget = False
        self.refuse = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def Register(self, request: registry_pb2.RegisterRequest, context: Any) -> Any:
        if self.refuse:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "tools[0].name is odd")
        self.diary.append("register")
        self.request = request
        await self.answering.wait()
        return registry_pb2.RegisterResponse(
            lease_id=f"lease-{len(self.diary)}", ttl=duration(self._ttl), tools=request.tools
        )

    async def Renew(self, request: registry_pb2.RenewRequest, context: Any) -> Any:
        if self.forget:
            self.forget = False
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such lease")
        self.diary.append("renew")
        return registry_pb2.RenewResponse(ttl=duration(self._ttl))

    async def Drain(self, request: registry_pb2.DrainRequest, context: Any) -> Any:
        self.diary.append("drain")
        return registry_pb2.DrainResponse()

    async def Deregister(self, request: registry_pb2.DeregisterRequest, context: Any) -> Any:
        self.diary.append("deregister")
        return registry_pb2.DeregisterResponse()

    async def until(self, entry: str, count: int = 1) -> None:
        await eventually(lambda: self.diary.count(entry) >= count)


async def listen(registry: Registry, address: str = "127.0.0.1:0") -> tuple[Any, str]:
    server = grpc.aio.server()
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
    port = server.add_insecure_port(address)
    await server.start()
    return server, f"127.0.0.1:{port}"


def echo_server() -> ToolServer:
    app = ToolServer("echo", labels={"zone": "a"}, weight=3)

    @app.tool
    async def echo(text: str) -> str:
        return text

    return app


@pytest.fixture
async def registry() -> Registry:
    return Registry()


@pytest.fixture
async def router(registry: Registry) -> AsyncIterator[str]:
    server, endpoint = await listen(registry)
    yield endpoint
    await server.stop(0)


async def test_a_replica_says_who_it_is_and_what_it_serves(registry: Registry, router: str) -> None:
    app = echo_server()
    replica = await app.start(router=router)
    await app.registered()
    await app.stop(0)
    said = registry.request.replica
    assert (said.id, said.endpoint, said.server) == (replica.id, replica.endpoint, "echo")
    assert (said.weight, dict(said.labels)) == (3, {"zone": "a"})
    assert registry.request.tools[0].version == app.tools[0].version


async def test_the_lease_is_renewed_and_given_back_after_a_drain(
    registry: Registry, router: str
) -> None:
    app = echo_server()
    await app.start(router=router)
    await registry.until("renew", 2)
    await app.stop(0)
    assert registry.diary[0] == "register"
    assert registry.diary.index("drain") < registry.diary.index("deregister")
    assert registry.diary[-1] == "deregister"


async def test_a_router_that_forgot_the_lease_gets_the_tools_again(
    registry: Registry, router: str
) -> None:
    app = echo_server()
    await app.start(router=router)
    await registry.until("renew")
    registry.forget = True
    await registry.until("register", 2)
    await app.stop(0)


async def test_a_router_that_comes_back_sees_the_tools_long_before_a_renewal() -> None:
    first = Registry(ttl=300.0)
    server, endpoint = await listen(first)
    app = echo_server()
    await app.start(router=endpoint)
    await first.until("register")
    await server.stop(0)
    # It tries in vain meanwhile.
    await asyncio.sleep(1.0)
    second = Registry(ttl=300.0)
    second.forget = True
    server, _ = await listen(second, endpoint)
    async with asyncio.timeout(20):
        await second.until("register")
    await app.stop(0)
    await server.stop(0)


async def test_a_router_that_hangs_up_after_each_answer_is_asked_once_each_time() -> None:
    registry = Registry(ttl=300.0)
    server, endpoint = await listen(registry)
    app = echo_server()
    await app.start(router=endpoint)
    await registry.until("register")
    for count in range(1, 4):
        await server.stop(0)
        server, _ = await listen(registry, endpoint)
        await registry.until("renew", count)
    assert registry.diary == ["register", "renew", "renew", "renew"]
    await app.stop(0)
    await server.stop(0)


async def test_serving_goes_on_without_a_router_and_stops_at_once() -> None:
    app = echo_server()
    await app.start(router="127.0.0.1:1")
    await asyncio.wait_for(app.stop(0), 10)


async def test_a_router_that_refuses_the_tools_ends_the_server_with_its_reason(
    registry: Registry, router: str
) -> None:
    registry.refuse = True
    with pytest.raises(InvalidCall, match=r"tools\[0\].name is odd"):
        await echo_server().serve(router=router, grace=0)


async def test_serving_ends_when_it_is_shut_down(registry: Registry, router: str) -> None:
    app = echo_server()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        app.serve(router=router, on_ready=lambda replica: ready.set_result(replica.endpoint))
    )
    assert await ready
    await registry.until("register")
    app.shut_down()
    await asyncio.wait_for(serving, 10)
    assert registry.diary[-1] == "deregister"


async def test_cancelling_serve_also_leaves_the_mesh(registry: Registry, router: str) -> None:
    serving = asyncio.create_task(echo_server().serve(router=router, grace=0))
    await registry.until("register")
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert registry.diary[-1] == "deregister"


@pytest.mark.parametrize("answer", ["late", "never"])
async def test_a_server_that_stops_while_it_registers_leaves_the_mesh(
    registry: Registry, router: str, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.answering.clear()
    if answer == "late":
        asyncio.get_running_loop().call_later(0.1, registry.answering.set)
    else:
        monkeypatch.setattr(registration, "RPC_TIMEOUT", 0.1)
    app = echo_server()
    await app.start(router=router)
    await registry.until("register")
    await asyncio.wait_for(app.stop(0), 5)
    registry.answering.set()
    assert ("deregister" in registry.diary) is (answer == "late")


def test_no_wait_for_a_router_is_longer_than_half_a_second() -> None:
    rng = Random(1)
    assert max(BACKOFF.wait(failures, rng) for failures in range(1, 200)) <= 0.5


async def test_a_changed_offer_is_registered_at_once_under_the_same_id(registry: Registry) -> None:
    # Longer than the test may take: no renewal can hide a change that is not told.
    patient = Registry(ttl=60)
    server, router = await listen(patient)
    app, other = echo_server(), ToolServer("other")

    @other.tool
    async def more() -> None: ...

    replica = await app.start(router=router)
    try:
        await app.registered()
        app.replace(other._functions.values())
        await app.registered()
        assert patient.diary == ["register", "register"]
        assert [tool.name for tool in patient.request.tools] == ["more"]
        assert patient.request.replica.id == replica.id
    finally:
        await app.stop(0)
        await server.stop(0)


async def test_a_withdrawn_server_leaves_the_mesh_and_comes_back() -> None:
    patient = Registry(ttl=60)
    server, router = await listen(patient)
    app = echo_server()
    entries = tuple(app._functions.values())
    await app.start(router=router)
    try:
        await app.registered()
        app.withdraw("upstream died")
        await patient.until("deregister")
        app.replace(entries)
        await app.registered()
        assert patient.diary == ["register", "deregister", "register"]
    finally:
        await app.stop(0)
        await server.stop(0)
