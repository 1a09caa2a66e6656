"""A replica of any make: a plain grpc.aio server that registers nowhere."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc, tool_pb2
from tests.e2e.commands import command
from tests.e2e.stubs import Stubs, request
from tests.eventually import eventually
from tests.listening import listening

ANY = "127.0.0.1:0"


class Plain(invoke_pb2_grpc.ToolServiceServicer):
    """Knows nothing of a mesh."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def Invoke(self, asked: Any, context: Any) -> Any:
        if asked.tool != "plain":
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "I know but one tool")
        await context.send_initial_metadata((("x-plain", self._name),))
        content = [tool_pb2.Content(text=tool_pb2.TextContent(text=self._name))]
        return invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult(content=content))

    async def Converse(self, messages: Any, context: Any) -> AsyncIterator[Any]:
        async for message in messages:
            text = tool_pb2.TextContent(text=message.arguments.decode())
            yield invoke_pb2.InvokeEvent(content=tool_pb2.Content(text=text))


@asynccontextmanager
async def plain(name: str, port: int = 0) -> AsyncIterator[int]:
    server = grpc.aio.server()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(Plain(name), server)
    async with listening(server, f"127.0.0.1:{port}") as bound:
        yield bound


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_calls_spread_over_plain_servers_of_the_configuration(
    tmp_path: Path, workers: str
) -> None:
    async with plain("one") as first, plain("two") as second:
        config = tmp_path / "mesh.toml"
        endpoints = [f"127.0.0.1:{port}=plain" for port in (first, second)]
        config.write_text(f"static = {endpoints!r}\n")
        options = ("--workers", workers, "--grpc", ANY, "--config", str(config))
        with command(tmp_path, "router", *options) as router:
            async with Stubs(router.grpc) as stubs:
                await eventually(lambda: _ready(stubs, 2))
                assert set(await stubs.spread("plain", 50)) == {"one", "two"}
                call = stubs.tools.Invoke(request("plain"))
                await call
                assert dict(await call.initial_metadata())["x-plain"] in ("one", "two")
                await talk(stubs)


@asynccontextmanager
async def orders() -> AsyncIterator[int]:
    """Serve a gRPC service that is no tool."""

    async def echo(message: bytes, _context: Any) -> bytes:
        return message

    async def mirror(messages: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for message in messages:
            yield message

    methods = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Mirror": grpc.stream_stream_rpc_method_handler(mirror),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.Orders", methods),))
    async with listening(server) as port:
        yield port


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_service_that_is_no_tool_is_relayed_by_every_worker(
    tmp_path: Path, workers: str
) -> None:
    async with orders() as port:
        static = f"127.0.0.1:{port}=/shop.Orders"
        options = ("--workers", workers, "--grpc", ANY, "--static", static)
        with command(tmp_path, "router", *options) as router:
            # Connections enough to reach every worker.
            for number in range(12):
                async with Stubs(router.grpc) as stubs:
                    await eventually(lambda stubs=stubs: _echoes(stubs))
                    mirror = stubs.channel.stream_stream("/shop.Orders/Mirror")
                    call = mirror(iter([b"a", b"%d" % number]), timeout=30)
                    assert [message async for message in call] == [b"a", b"%d" % number]
                    with pytest.raises(grpc.aio.AioRpcError) as unknown:
                        await stubs.channel.unary_unary("/shop.Stock/Echo")(b"", timeout=30)
                    assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def _echoes(stubs: Stubs) -> bool:
    try:
        return bool(await stubs.channel.unary_unary("/shop.Orders/Echo")(b"x", timeout=5) == b"x")
    except grpc.aio.AioRpcError:
        return False


async def talk(stubs: Stubs) -> None:
    call = stubs.tools.Converse()
    for word in (b"a", b"b", b"c"):
        await call.write(invoke_pb2.InvokeRequest(tool="plain", arguments=word))
        assert (await call.read()).content.text.text == word.decode()
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_plain_server_that_goes_and_comes_is_found_again(tmp_path: Path) -> None:
    async with AsyncExitStack() as first:
        port = await first.enter_async_context(plain("one"))
        options = ("--static", f"127.0.0.1:{port}=plain")
        with command(tmp_path, "router", "--grpc", ANY, *options) as router:
            async with Stubs(router.grpc) as stubs:
                await eventually(lambda: _ready(stubs, 1))
                await first.aclose()
                await eventually(lambda: _ready(stubs, 0))
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await stubs.text("plain")
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
                async with plain("again", port):
                    await eventually(lambda: _ready(stubs, 1))
                    assert await stubs.text("plain") == "again"


async def _ready(stubs: Stubs, count: int) -> bool:
    return (await stubs.ready("plain"))[1] == count
