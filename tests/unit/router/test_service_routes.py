"""Services that are no tools: found by path, balanced, piped unopened."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

import grpc
import pytest

from mcpmesh.config import RouterSettings
from mcpmesh.router.service_routes import ServiceRoutes, ServiceTable
from mcpmesh.router.wiring import Router
from mcpmesh.stack.call import Exit
from mcpmesh.telemetry.setup import without_exporters
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, registry_pb2, registry_pb2_grpc
from tests.eventually import eventually
from tests.listening import listening

SERVICE = "shop.v1.Orders"
ANY = "127.0.0.1:0"


@asynccontextmanager
async def shop(name: str) -> AsyncIterator[str]:
    """A plain gRPC server of one service; its methods speak bytes."""

    async def who(_request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("x-late", "1"),))
        return name.encode()

    async def talk(requests: Any, context: Any) -> AsyncIterator[bytes]:
        # The head comes before any request.
        await context.send_initial_metadata((("x-early", "1"),))
        async for request in requests:
            yield name.encode() + request

    async def remaining(_request: bytes, context: Any) -> bytes:
        return str(context.time_remaining()).encode()

    async def hang(_request: bytes, _context: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    handlers = {
        "Who": grpc.unary_unary_rpc_method_handler(who),
        "Remaining": grpc.unary_unary_rpc_method_handler(remaining),
        "Hang": grpc.unary_unary_rpc_method_handler(hang),
        "Talk": grpc.stream_stream_rpc_method_handler(talk),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    async with listening(server) as port:
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def routing(static: Sequence[str] = ()) -> AsyncIterator[grpc.aio.Channel]:
    router = Router(RouterSettings(grpc=ANY, static=tuple(static)), without_exporters(Random(1)))
    endpoint = await router.start()
    try:
        async with grpc.aio.insecure_channel(endpoint) as channel:
            yield channel
    finally:
        await router.stop(0)


async def until_served(channel: grpc.aio.Channel, replicas: int = 1) -> None:
    discovery = discovery_pb2_grpc.DiscoveryServiceStub(channel)

    async def ready() -> bool:
        shown = await discovery.ListReplicas(discovery_pb2.ListReplicasRequest())
        return [each.state for each in shown.replicas] == ["READY"] * replicas

    await eventually(ready)


def method(channel: grpc.aio.Channel, name: str, service: str = SERVICE) -> Any:
    shape = channel.stream_stream if name == "Talk" else channel.unary_unary
    return shape(f"/{service}/{name}")


async def test_calls_of_a_service_spread_over_the_replicas_that_name_it() -> None:
    async with AsyncExitStack() as stack:
        endpoints = [await stack.enter_async_context(shop(name)) for name in ("one", "two")]
        channel = await stack.enter_async_context(
            routing([f"{endpoint}=/{SERVICE}" for endpoint in endpoints])
        )
        await until_served(channel, 2)
        call = method(channel, "Who")(b"")
        await call
        assert ("x-late", "1") in tuple(await call.trailing_metadata())
        assert {await method(channel, "Who")(b"") for _ in range(50)} == {b"one", b"two"}


async def test_a_service_is_no_tool() -> None:
    async with shop("one") as endpoint, routing([f"{endpoint}=/{SERVICE},ocr"]) as channel:
        await until_served(channel)
        discovery = discovery_pb2_grpc.DiscoveryServiceStub(channel)
        tools = await discovery.ListTools(discovery_pb2.ListToolsRequest())
        assert [each.tool.name for each in tools.tools] == ["ocr"]
        (replica,) = (await discovery.ListReplicas(discovery_pb2.ListReplicasRequest())).replicas
        assert list(replica.replica.services) == [SERVICE]


async def test_a_stream_is_piped_from_its_head_on() -> None:
    async with shop("one") as endpoint, routing([f"{endpoint}=/{SERVICE}"]) as channel:
        await until_served(channel)
        call = method(channel, "Talk")()
        async with asyncio.timeout(10):
            assert ("x-early", "1") in tuple(await call.initial_metadata())
            for word in (b"a", b"b"):
                await call.write(word)
                assert await call.read() == b"one" + word
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
        empty = method(channel, "Talk")()
        await empty.done_writing()
        assert await empty.read() is grpc.aio.EOF


async def test_a_deadline_goes_along_and_none_is_a_week() -> None:
    async with shop("one") as endpoint, routing([f"{endpoint}=/{SERVICE}"]) as channel:
        await until_served(channel)
        assert 1 < float(await method(channel, "Remaining")(b"", timeout=5)) < 6
        assert float(await method(channel, "Remaining")(b"")) > 86_400
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(channel, "Hang")(b"", timeout=0.2)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_replica_registers_a_service_and_takes_it_along_when_it_leaves() -> None:
    async with shop("one") as endpoint, routing() as channel:
        who = method(channel, "Who")
        assert await _status(who(b"")) == (
            grpc.StatusCode.UNIMPLEMENTED, f"/{SERVICE}/Who is not served here",
        )  # fmt: skip
        registry = registry_pb2_grpc.RegistryServiceStub(channel)
        lease = await registry.Register(
            registry_pb2.RegisterRequest(
                replica=discovery_pb2.Replica(id="r-1", endpoint=endpoint, services=[SERVICE])
            )
        )
        await until_served(channel)
        assert await who(b"") == b"one"
        missing = await _status(method(channel, "Missing")(b""))
        assert missing[0] is grpc.StatusCode.UNIMPLEMENTED
        await registry.Drain(registry_pb2.DrainRequest(lease_id=lease.lease_id))
        assert (await _status(who(b"")))[0] is grpc.StatusCode.UNAVAILABLE
        await registry.Deregister(registry_pb2.DeregisterRequest(lease_id=lease.lease_id))
        assert (await _status(who(b"")))[0] is grpc.StatusCode.UNIMPLEMENTED


async def test_a_replica_needs_tools_or_services_with_proper_names() -> None:
    async with routing() as channel:
        registry = registry_pb2_grpc.RegistryServiceStub(channel)
        for services, reason in (([], "0 tools, not between 1"), (["no/service"], "full name")):
            replica = discovery_pb2.Replica(id="r", endpoint="127.0.0.1:9", services=services)
            code, message = await _status(
                registry.Register(registry_pb2.RegisterRequest(replica=replica))
            )
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert reason in message


async def test_a_caller_that_cancels_ends_the_call_at_its_replica() -> None:
    async with shop("one") as endpoint, routing([f"{endpoint}=/{SERVICE}"]) as channel:
        await until_served(channel)
        call = method(channel, "Hang")(b"")
        discovery = discovery_pb2_grpc.DiscoveryServiceStub(channel)

        async def hangs() -> bool:
            shown = await discovery.ListReplicas(discovery_pb2.ListReplicasRequest())
            return shown.replicas[0].in_flight == 1

        async def idle() -> bool:
            return not await hangs()

        await eventually(hangs)
        call.cancel()
        await eventually(idle)


def test_names_of_methods_that_are_told_apart_are_bounded() -> None:
    routes = ServiceRoutes(Exit(), ServiceTable(None))  # type: ignore[arg-type]
    named = {routes._name(f"{SERVICE}/M{number}", SERVICE) for number in range(5000)}
    assert len(named) == 1001
    assert f"{SERVICE}/_OTHER" in named


async def _status(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details()
