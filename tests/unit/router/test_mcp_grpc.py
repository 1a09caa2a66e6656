"""MCP's protobuf form through a real router, called with the generated stub of its package."""

from contextlib import asynccontextmanager
from importlib.util import find_spec
from random import Random

import grpc
import pytest

from mcpmesh import Image, Message, ToolContext, ToolFailure, ToolServer
from mcpmesh.config import InvalidSetting, RouterSettings
from mcpmesh.router import mcp_service
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters

pytest.importorskip("mcp_grpc_transport_proto")

from mcp_grpc_transport_proto import mcp_messages_pb2 as pb
from mcp_grpc_transport_proto import mcp_pb2_grpc

ANY = "127.0.0.1:0"


def library():
    app = ToolServer("library")

    @app.tool(read_only=True, labels={"team": "books"})
    async def add(a: int, b: int) -> dict[str, int]:
        """Adds two integers."""
        return {"sum": a + b}

    @app.tool
    async def show():
        """Shows a picture and says something."""
        return [Image(b"png"), "a picture"]

    @app.tool
    async def fails():
        """Fails."""
        raise ToolFailure("it fails", code="OUT_OF_PAPER", retryable=True)

    @app.tool
    async def greet(ctx: ToolContext) -> str:
        """Asks for a name, the user's model, and the roots."""
        name = await ctx.ask("Your name?", key="name")
        params = {
            "messages": [{"role": "user", "content": {"type": "text", "text": f"greet {name}"}}],
            "maxTokens": 10,
        }
        said = await ctx.request_input("sampling/createMessage", params, key="greeting")
        roots = await ctx.request_input("roots/list", {}, key="roots")
        return f"{said['content']['text']} of {roots['roots'][0]['uri']}"

    @app.resource("books://all", mime_type="text/plain")
    async def books():
        """All books."""
        return "Emma"

    @app.resource("books://{title}/cover")
    async def cover(title: str):
        """A cover."""
        return b"\x89" + title.encode()

    async def titles(value):
        return [title for title in ("Emma", "Ulysses") if title.startswith(value)]

    @app.prompt(complete={"title": titles})
    async def review(title: str):
        """Asks for a review."""
        return [Message(f"Review {title}."), Message("Gladly.", role="assistant")]

    return app


@asynccontextmanager
async def mcp():
    router = Router(RouterSettings(grpc=ANY, mcp_grpc=True), without_exporters(Random(1)))
    endpoint = await router.start()
    app = library()
    await app.start(ANY, endpoint)
    try:
        await app.registered()
        async with grpc.aio.insecure_channel(endpoint) as channel:
            yield mcp_pb2_grpc.McpStub(channel)
    finally:
        await app.stop(0)
        await router.stop(0)


def call(name, **arguments):
    request = pb.CallToolRequest(request=pb.CallToolRequest.Request(name=name))
    request.request.arguments.update(arguments)
    return request


async def test_lists_have_every_entry_and_may_be_kept_for_a_while():
    async with mcp() as stub:
        listed = await stub.ListTools(pb.ListToolsRequest())
        assert [tool.name for tool in listed.tools] == ["add", "fails", "greet", "show"]
        add = listed.tools[0]
        assert add.description == "Adds two integers."
        assert list(add.input_schema["required"]) == ["a", "b"]
        assert add.output_schema["type"] == "object"
        assert add.annotations.read_only_hint
        assert add.metadata["mcpmesh/labels"]["team"] == "books"
        assert listed.ttl.seconds == 5
        assert listed.cache_scope == pb.CACHE_SCOPE_PUBLIC
        [prompt] = (await stub.ListPrompts(pb.ListPromptsRequest())).prompts
        assert (prompt.name, prompt.arguments[0].name) == ("review", "title")
        [resource] = (await stub.ListResources(pb.ListResourcesRequest())).resources
        assert (resource.uri, resource.mime_type) == ("books://all", "text/plain")
        templates = await stub.ListResourceTemplates(pb.ListResourceTemplatesRequest())
        [template] = templates.resource_templates
        assert template.uri_template == "books://{title}/cover"


async def test_a_call_gives_content_and_structured_content():
    async with mcp() as stub:
        result = await stub.CallTool(call("add", a=1, b=2))
        assert result.structured_content["sum"] == 3
        assert result.common.result_type == pb.RESULT_TYPE_COMPLETE
        assert not result.is_error
        shown = await stub.CallTool(call("show"))
        assert shown.content[0].image.data == b"png"
        assert shown.content[1].text.text == "a picture"


async def test_a_failure_is_a_result_and_an_unknown_tool_a_status():
    async with mcp() as stub:
        failed = await stub.CallTool(call("fails"))
        assert failed.is_error
        assert failed.content[0].text.text == "it fails"
        assert failed.common.metadata["mcpmesh/error"]["code"] == "OUT_OF_PAPER"
        wrong = await stub.CallTool(call("add", a="x", b=2))
        assert wrong.is_error
        for request, code, said in (
            (call("nix"), grpc.StatusCode.NOT_FOUND, "nix"),
            (pb.CallToolRequest(), grpc.StatusCode.INVALID_ARGUMENT, "request.name is missing"),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match=said) as caught:
                await stub.CallTool(request)
            assert caught.value.code() is code


async def test_prompts_resources_and_completion():
    async with mcp() as stub:
        got = await stub.GetPrompt(pb.GetPromptRequest(name="review", arguments={"title": "Emma"}))
        assert [message.text.text for message in got.messages] == ["Review Emma.", "Gladly."]
        assert got.messages[1].role == pb.ROLE_ASSISTANT
        [text] = (await stub.ReadResource(pb.ReadResourceRequest(uri="books://all"))).resource
        assert text.text == "Emma"
        read = await stub.ReadResource(pb.ReadResourceRequest(uri="books://Emma/cover"))
        assert read.resource[0].blob == b"\x89Emma"
        asked = pb.CompletionRequest(
            prompt_reference=pb.PromptReference(name="review"),
            argument=pb.CompletionRequest.Argument(name="title", value="U"),
        )
        assert list((await stub.Complete(asked)).values) == ["Ulysses"]
        for method, request in (
            (stub.GetPrompt, pb.GetPromptRequest(name="nix")),
            (stub.ReadResource, pb.ReadResourceRequest(uri="books://nix")),
            (stub.Complete, pb.CompletionRequest()),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(request)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_tool_asks_back_and_goes_on_with_the_answers():
    async with mcp() as stub:
        request = call("greet")
        asked = await stub.CallTool(request)
        assert asked.common.result_type == pb.RESULT_TYPE_INPUT_REQUIRED
        question = asked.common.input_requests["name"].elicit_request
        assert question.message == "Your name?"
        [field] = question.requested_schema
        assert question.requested_schema[field].HasField("string_schema")
        answer = request.common.input_responses["name"].elicit_result
        answer.type = pb.ElicitResult.TYPE_ACCEPT
        answer.content.update({field: "Ada"})
        request.common.request_state = asked.common.request_state

        asked = await stub.CallTool(request)
        sampling = asked.common.input_requests["greeting"].sampling_create_message
        assert sampling.messages[0].text.text == "greet Ada"
        assert sampling.max_tokens == 10
        said = request.common.input_responses["greeting"].sampling_create_message_result
        said.message.text.text = "Hello Ada"
        request.common.request_state = asked.common.request_state

        asked = await stub.CallTool(request)
        assert asked.common.input_requests["roots"].HasField("list_roots_request")
        roots = request.common.input_responses["roots"].root_list_result.roots
        roots.add(uri="file:///home", name="home")
        request.common.request_state = asked.common.request_state
        result = await stub.CallTool(request)
        assert result.content[0].text.text == "Hello Ada of file:///home"

        request.common.request_state = "!"
        with pytest.raises(grpc.aio.AioRpcError, match="request_state") as caught:
            await stub.CallTool(request)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_router_that_was_not_told_to_serves_it_not():
    router = Router(RouterSettings(grpc=ANY), without_exporters(Random(1)))
    endpoint = await router.start()
    try:
        async with grpc.aio.insecure_channel(endpoint) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await mcp_pb2_grpc.McpStub(channel).ListTools(pb.ListToolsRequest())
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    finally:
        await router.stop(0)


async def test_without_its_package_the_setting_says_what_to_install(monkeypatch):
    monkeypatch.setattr(mcp_service, "_PACKAGE", "not_installed_anywhere")
    assert find_spec("not_installed_anywhere") is None
    with pytest.raises(InvalidSetting, match=r"pip install 'mcpmesh\[mcp-grpc\]'"):
        Router(RouterSettings(grpc=ANY, mcp_grpc=True), without_exporters(Random(1)))
