"""Tools, prompts and resources made of data, and swapped while they are served."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import orjson
import pytest

from mcpmesh import Client, ToolContext, ToolError, ToolFailure, ToolServer
from mcpmesh.errors import AlreadyExists, InvalidCall, NoReplica, Overloaded
from mcpmesh.model.prompt import Prompt, PromptArgument
from mcpmesh.model.resource import Resource
from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.sdk.failure import Refused
from mcpmesh.sdk.offered import offered
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc, tool_pb2

SCHEMA = b'{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}'


async def echo(arguments: bytes, context: ToolContext) -> object:
    return {"tool": context.tool, "sent": arguments.decode()}


async def test_a_tool_of_data_is_listed_as_it_is_and_gets_the_json_as_it_was_sent() -> None:
    app = ToolServer("s")
    tool = Tool(
        "a/b",
        "Says it again.",
        input_schema=SCHEMA,
        output_schema=b'{"type":"object"}',
        annotations=ToolAnnotations(idempotent=True),
        labels={"from": "data"},
    )
    app.replace([offered(tool, echo)])
    replica = await app.start()
    try:
        async with Client(replica.endpoint) as client:
            (listed,) = await client.list_tools()
            assert (listed.name, listed.description) == ("a/b", "Says it again.")
            assert orjson.dumps(listed.input_schema) == SCHEMA
            result = await client.call("a/b", {"n": "not checked"})
            assert result.data == {"tool": "a/b", "sent": '{"n":"not checked"}'}
    finally:
        await app.stop(0)


async def test_checked_arguments_never_reach_the_handler() -> None:
    app = ToolServer("s")
    app.replace([offered(Tool("t", input_schema=SCHEMA), echo, checked=True)])
    replica = await app.start()
    try:
        async with Client(replica.endpoint) as client:
            with pytest.raises(ToolError, match="'x' is not of type 'integer'"):
                (await client.call("t", {"n": "x"})).raise_for_error()
            assert (await client.call("t", {"n": 1})).data["sent"] == '{"n":1}'
    finally:
        await app.stop(0)


def test_what_cannot_be_offered_is_refused() -> None:
    with pytest.raises(InvalidCall, match="tool t: the input schema is none"):
        offered(Tool("t", input_schema=b'{"type": 7}'), echo, checked=True)
    with pytest.raises(InvalidCall, match="not a JSON object"):
        offered(Tool("t", input_schema=b"[]"), echo, checked=True)
    with pytest.raises(TypeError, match="not an async function"):
        offered(Tool("t"), lambda arguments, context: None)
    app = ToolServer("s")
    with pytest.raises(AlreadyExists, match="t twice"):
        app.replace([offered(Tool("t"), echo), offered(Tool("t"), echo)])
    assert app.tools == ()


async def test_a_schema_that_points_elsewhere_fails_the_call_and_fetches_nothing() -> None:
    app = ToolServer("s")
    schema = b'{"type":"object","properties":{"n":{"$ref":"http://127.0.0.1:9/x.json"}}}'
    app.replace([offered(Tool("t", input_schema=schema), echo, checked=True)])
    replica = await app.start()
    try:
        async with Client(replica.endpoint) as client:
            with pytest.raises(ToolError, match="refers to 'http:"):
                (await client.call("t", {"n": 1})).raise_for_error()
    finally:
        await app.stop(0)


async def test_prompts_resources_and_templates_of_data() -> None:
    async def prompt(arguments: bytes, context: ToolContext) -> str:
        return f"say {orjson.loads(arguments)['word']}"

    async def read(arguments: bytes, context: ToolContext) -> str:
        return str(orjson.loads(arguments)["uri"])

    async def complete(begun: bytes, context: ToolContext) -> object:
        value = orjson.loads(begun)["argument"]["value"]
        return {"values": [value + "!"], "total": 1, "hasMore": False}

    app = ToolServer("s")
    app.replace(
        [
            offered(
                Tool("prompt:p", kind=Prompt((PromptArgument("word"),))), prompt, complete=complete
            ),
            offered(Tool("resource:a://b", kind=Resource("a://b", "b", mime_type="x/y")), read),
            offered(Tool("resource:a://{v}", kind=Resource("a://{v}", "t", template=True)), read),
        ]
    )
    replica = await app.start()
    try:
        async with grpc.aio.insecure_channel(replica.endpoint) as channel:
            stub = invoke_pb2_grpc.ToolServiceStub(channel)

            async def invoke(tool: str, arguments: bytes, *, complete: bool = False) -> object:
                request = invoke_pb2.InvokeRequest(
                    tool=tool, arguments=arguments, complete=complete
                )
                return (await stub.Invoke(request)).result

            said = await invoke("prompt:p", b'{"word":"hi"}')
            assert said.content[0].text.text == "say hi"
            assert said.content[0].role == "user"
            begun = b'{"argument":{"name":"word","value":"h"}}'
            completion = await invoke("prompt:p", begun, complete=True)
            assert orjson.loads(completion.structured_content)["values"] == ["h!"]
            contents = await invoke("resource:a://b", b'{"uri":"a://b"}')
            assert contents.content[0].resource.text == "a://b"
            assert contents.content[0].resource.mime_type == "x/y"
            contents = await invoke("resource:a://{v}", b'{"uri":"a://c"}')
            assert contents.content[0].resource.text == "a://c"
            nothing = await invoke("resource:a://{v}", begun, complete=True)
            assert orjson.loads(nothing.structured_content)["values"] == []
    finally:
        await app.stop(0)


async def test_a_stream_of_data_ends_with_its_result() -> None:
    async def count(arguments: bytes, context: ToolContext) -> AsyncIterator[object]:
        yield "one"
        await context.progress(1, 2)
        yield tool_pb2.ToolResult(structured_content=b'{"n":2}')

    app = ToolServer("s")
    app.replace([offered(Tool("count"), count)])
    replica = await app.start()
    try:
        async with grpc.aio.insecure_channel(replica.endpoint) as channel:
            stub = invoke_pb2_grpc.ToolServiceStub(channel)
            events = [e async for e in stub.InvokeStream(invoke_pb2.InvokeRequest(tool="count"))]
        assert [event.WhichOneof("event") for event in events] == ["content", "progress", "result"]
        assert events[-1].result.structured_content == b'{"n":2}'
    finally:
        await app.stop(0)


async def test_a_handler_refuses_for_the_mesh_and_fails_for_the_model() -> None:
    async def lost(arguments: bytes, context: ToolContext) -> None:
        if arguments == b"{}":
            raise Refused(NoReplica("upstream: is away"))
        raise ToolFailure("no such row")

    app = ToolServer("s")
    app.replace([offered(Tool("lost"), lost)])
    replica = await app.start()
    try:
        async with grpc.aio.insecure_channel(replica.endpoint) as channel:
            stub = invoke_pb2_grpc.ToolServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Invoke(invoke_pb2.InvokeRequest(tool="lost"))
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert caught.value.details() == "upstream: is away"
            request = invoke_pb2.InvokeRequest(tool="lost", arguments=b'{"a":1}')
            assert (await stub.Invoke(request)).result.is_error
    finally:
        await app.stop(0)


async def test_what_is_offered_changes_while_calls_go_on_and_watchers_see_it() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(arguments: bytes, context: ToolContext) -> str:
        started.set()
        await go_on.wait()
        return "old"

    app = ToolServer("s")
    app.replace([offered(Tool("slow"), slow), offered(Tool("gone"), echo)])
    replica = await app.start()
    try:
        async with grpc.aio.insecure_channel(replica.endpoint) as channel:
            discovery = discovery_pb2_grpc.DiscoveryServiceStub(channel)
            stub = invoke_pb2_grpc.ToolServiceStub(channel)
            watch = discovery.WatchTools(discovery_pb2.WatchToolsRequest())
            names = [each.tool.name for each in (await watch.read()).snapshot.tools]
            assert names == ["gone", "slow"]
            running = asyncio.ensure_future(stub.Invoke(invoke_pb2.InvokeRequest(tool="slow")))
            await started.wait()

            app.replace([offered(Tool("new"), echo)])
            changed = await watch.read()
            assert [each.tool.name for each in changed.snapshot.tools] == ["new"]
            assert (await stub.Invoke(invoke_pb2.InvokeRequest(tool="new"))).HasField("result")
            with pytest.raises(grpc.aio.AioRpcError, match="no tool 'slow' here"):
                await stub.Invoke(invoke_pb2.InvokeRequest(tool="slow"))
            go_on.set()
            assert (await running).result.content[0].text.text == "old"
    finally:
        await app.stop(0)


async def test_a_withdrawn_server_refuses_so_that_any_call_may_go_elsewhere() -> None:
    app = ToolServer("s")
    app.replace([offered(Tool("t"), echo)])
    replica = await app.start()
    try:
        async with Client(replica.endpoint) as client:
            app.withdraw("upstream died, and is restarted")
            with pytest.raises(Overloaded, match="upstream died") as caught:
                await client.call("t", {})
            assert caught.value.retry_after_ms == 1
            app.replace([offered(Tool("t"), echo)])
            await client.call("t", {})
    finally:
        await app.stop(0)
