"""The official client, in both eras, against prompts, resources and tools that ask back."""

import asyncio

import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp.types import ElicitResult, PromptReference, ResourceTemplateReference

from mcpmesh import ToolContext, ToolServer
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_entries import library
from tests.unit.bridge.test_listening import joining
from tests.unit.bridge.test_official_client import BOTH_ERAS


@BOTH_ERAS
async def test_the_official_client_reads_gets_and_completes(mode, version):
    async with mesh_of(library()) as mesh, Client(f"{mesh.http.base_url}/mcp", mode=mode) as client:
        assert client.protocol_version == version
        resources = (await client.list_resources()).resources
        assert [str(each.uri) for each in resources] == [
            "books://all",
            "books://broken",
            "books://cover",
        ]
        [template] = (await client.list_resource_templates()).resource_templates
        [contents] = (await client.read_resource("books://all")).contents
        assert contents.text == "a, b, c"
        [page] = (await client.read_resource("books://Emma/page/2")).contents
        assert page.text == '{"title":"Emma","number":2}'
        with pytest.raises(MCPError, match="there is no resource"):
            await client.read_resource("books://none")
        assert [each.name for each in (await client.list_prompts()).prompts] == [
            "curious",
            "embedded",
            "review",
        ]
        got = await client.get_prompt("review", {"title": "Emma"})
        assert [message.role for message in got.messages] == ["user", "assistant"]
        for ref, name in (
            (ResourceTemplateReference(uri=template.uri_template), "title"),
            (PromptReference(name="review"), "colour"),
        ):
            assert (await client.complete(ref, {"name": name, "value": "x"})).completion.values


@BOTH_ERAS
async def test_the_official_client_is_asked_by_tools_and_prompts(mode, version):
    app = ToolServer("asker")
    asked = []

    async def answer(context, params):
        asked.append(params.message)
        return ElicitResult(action="accept", content={"answer": f"{params.message}!"})

    @app.tool
    async def twice(ctx: ToolContext) -> str:
        """Asks once, then twice at once."""
        first = await ctx.ask("first", key="first")
        rest = await asyncio.gather(ctx.ask("a", key="a"), ctx.ask("b", key="b"))
        return " ".join([first, *rest])

    @app.prompt
    async def about(ctx: ToolContext) -> str:
        """Asks."""
        return str(await ctx.ask("what", key="what"))

    async with mesh_of(app) as mesh:
        url = f"{mesh.http.base_url}/mcp"
        async with Client(url, mode=mode, elicitation_callback=answer) as client:
            result = await client.call_tool("twice", {})
            assert result.content[0].text == "first! a! b!"
            got = await client.get_prompt("about")
            assert got.messages[0].content.text == "what!"
    assert sorted(asked) == ["a", "b", "first", "what"]


async def test_the_official_client_hears_of_changes_in_the_modern_era():
    async with (
        mesh_of(library()) as mesh,
        Client(f"{mesh.http.base_url}/mcp", mode="auto") as client,
        client.listen(prompts_list_changed=True) as heard,
        joining(mesh, "prompt"),
        asyncio.timeout(10),
    ):
        await anext(aiter(heard))
        names = [prompt.name for prompt in (await client.list_prompts()).prompts]
        assert "late" in names


async def test_the_official_client_hears_of_changes_in_the_legacy_era():
    heard = asyncio.Queue()

    async def hear(message):
        heard.put_nowait(message)

    async with mesh_of(library()) as mesh:
        url = f"{mesh.http.base_url}/mcp"
        async with Client(url, mode="legacy", message_handler=hear) as client:
            # Its stream opens beside its first requests.
            async with asyncio.timeout(10):
                while not len(mesh.bridge.listening._changes):
                    await client.list_tools()
            async with joining(mesh, "prompt"), asyncio.timeout(10):
                message = await heard.get()
    assert message.method == "notifications/prompts/list_changed"
