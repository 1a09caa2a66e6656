"""Prompts and resources of a tool server, as callers with stubs see them."""

import grpc
import pytest

from mcpmesh import Client, ToolServer
from mcpmesh.errors import InvalidCall
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc


def test_the_variables_of_a_uri_are_the_parameters():
    app = ToolServer("s")
    with pytest.raises(TypeError, match="takes nothing, the URI has id"):

        @app.resource("a://{id}")
        async def without(): ...

    with pytest.raises(TypeError, match="takes id, the URI has no variables"):

        @app.resource("a://b")
        async def without_variables(id: str): ...

    with pytest.raises(InvalidCall, match="absolute URI"):

        @app.resource("nowhere")
        async def nowhere(): ...

    with pytest.raises(TypeError, match="no argument colour"):

        @app.prompt(complete={"colour": lambda begun: []})
        async def plain(): ...

    assert app.tools == ()


async def test_kinds_are_listed_apart_and_called_alike():
    app = ToolServer("s")

    @app.tool
    async def shelf() -> str:
        """A shelf."""
        return "wood"

    @app.prompt
    async def shelves() -> str:
        """More of a shelf."""
        return "text"

    @app.resource("a://shelf")
    async def a_shelf() -> str:
        """One shelf."""
        return "contents"

    replica = await app.start()
    try:
        async with grpc.aio.insecure_channel(replica.endpoint) as channel:
            discovery = discovery_pb2_grpc.DiscoveryServiceStub(channel)

            async def listed(kind):
                request = discovery_pb2.ListToolsRequest(kind=kind)
                return [each.tool.name for each in (await discovery.ListTools(request)).tools]

            assert await listed("") == await listed("tool") == ["shelf"]
            assert await listed("prompt") == ["prompt:shelves"]
            assert await listed("resource") == ["resource:a://shelf"]
            assert len(await listed("*")) == 3
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await listed("chair")
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            search = discovery_pb2.SearchToolsRequest(query="shelf", kind="resource")
            [hit] = (await discovery.SearchTools(search)).hits
            assert hit.tool.tool.resource.uri == "a://shelf"

            call = invoke_pb2_grpc.ToolServiceStub(channel).Invoke
            read = invoke_pb2.InvokeRequest(
                tool="resource:a://shelf", arguments=b'{"uri":"a://shelf"}'
            )
            [block] = (await call(read)).result.content
            assert block.resource.text == "contents"
            [block] = (await call(invoke_pb2.InvokeRequest(tool="prompt:shelves"))).result.content
            assert (block.text.text, block.role) == ("text", "user")
            with pytest.raises(grpc.aio.AioRpcError, match="only prompts and resources complete"):
                await call(invoke_pb2.InvokeRequest(tool="shelf", complete=True))
    finally:
        await app.stop(0)


async def test_the_client_gets_and_reads_them_by_their_names():
    app = ToolServer("s")

    @app.prompt
    async def greet(name: str) -> str:
        """Greets."""
        return f"Hello, {name}"

    @app.resource("a://{shelf}")
    async def contents(shelf: str) -> str:
        """What stands there."""
        return f"books of {shelf}"

    replica = await app.start()
    try:
        async with Client(replica.endpoint) as client:
            assert (await client.call("prompt:greet", {"name": "Ada"})).text == "Hello, Ada"
            read = await client.call("resource:a://{shelf}", {"uri": "a://b"})
            [block] = read.content
            assert block.resource.text == "books of b"
            with pytest.raises(InvalidCall):
                await client.call("prompt:a b")
            with pytest.raises(InvalidCall):
                await client.call("resource:nowhere")
    finally:
        await app.stop(0)
