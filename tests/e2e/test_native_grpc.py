"""Callers with the protos of an adopted service, behind the router: balanced by path, undecoded."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.e2e.commands import command
from tests.eventually import eventually
from tests.listening import listening
from tests.unit.adopt.zoo import descriptor_set

ANY = "127.0.0.1:0"
REPLICAS, CALLS, AT_ONCE = 3, 150, 10
ECHO, CHAT = "/zoo.v1.Zoo/Echo", "/zoo.v1.Zoo/Chat"
#: No message of protobuf: whoever decodes it fails.
NO_PROTO = b"\xff\xff\xff no protobuf \x00"


class Raw:
    """A stock grpcio server that counts calls, and gives bytes back as they came."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    async def echo(self, request: bytes, context: Any) -> bytes:
        self.calls["Echo"] += 1
        context.set_trailing_metadata((("x-kept", dict(context.invocation_metadata())["x-own"]),))
        return request

    async def chat(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        self.calls["Chat"] += 1
        async for each in requests:
            yield each

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
        }
        generic = grpc.method_handlers_generic_handler("zoo.v1.Zoo", handlers)
        server.add_generic_rpc_handlers((generic,))
        async with listening(server) as port:
            yield f"127.0.0.1:{port}"


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[tuple[str, list[Raw], AsyncExitStack]]:
    """A mesh that adopted three servers: its endpoint, the servers, and what ends the last one."""
    servers = [Raw() for _ in range(REPLICAS)]
    protos = tmp_path / "zoo.binpb"
    protos.write_bytes(descriptor_set())
    async with AsyncExitStack() as stack:
        kept = [await stack.enter_async_context(each.served()) for each in servers[:-1]]
        last = await stack.enter_async_context(AsyncExitStack())
        addresses = [*kept, await last.enter_async_context(servers[-1].served())]
        config = tmp_path / "mesh.toml"
        config.write_text(
            f'[adopt.zoo]\nkind = "grpc"\naddresses = {addresses!r}\ndescriptor_set = "{protos}"\n'
        )
        started = command(tmp_path, "up", "--grpc", ANY, "--http", ANY, "--config", str(config))
        up = await asyncio.to_thread(started.__enter__)
        try:
            yield up.grpc, servers, last
        finally:
            await asyncio.to_thread(started.__exit__, None, None, None)


async def test_native_callers_are_balanced_over_the_replicas_by_path_and_undecoded(
    mesh: tuple[str, list[Raw], AsyncExitStack],
) -> None:
    endpoint, servers, last = mesh
    async with grpc.aio.insecure_channel(endpoint) as channel:
        echo = channel.unary_unary(ECHO)

        async def called(_: int = 0) -> None:
            call = echo(NO_PROTO, metadata=(("x-own", "kept"),), timeout=60)
            assert await call == NO_PROTO
            assert ("x-kept", "kept") in tuple(await call.trailing_metadata())

        async def all_called() -> bool:
            # Until the router knows the path, it is none.
            with suppress(grpc.aio.AioRpcError):
                await called()
            return all(each.calls["Echo"] for each in servers)

        await eventually(all_called)
        for each in servers:
            each.calls.clear()
        for _ in range(CALLS // AT_ONCE):
            await asyncio.gather(*map(called, range(AT_ONCE)))
        counts = [each.calls["Echo"] for each in servers]
        # Each call once and at one replica. A fair share is a third; a busy machine may slow one.
        assert sum(counts) == CALLS
        assert min(counts) >= CALLS // REPLICAS // 4, counts

        await streamed(channel)
        assert sum(each.calls["Chat"] for each in servers) == 1

        before = servers[-1].calls["Echo"]
        await last.aclose()
        for _ in range(30):
            await called()
        assert servers[-1].calls["Echo"] == before


async def streamed(channel: grpc.aio.Channel) -> None:
    """Hold a conversation: each message is answered before the next is sent."""
    call = channel.stream_stream(CHAT)(timeout=60)
    for number in range(5):
        message = NO_PROTO + bytes([number])
        await call.write(message)
        assert await call.read() == message
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK
