import asyncio
import sys

import pytest
from mcp import MCPError
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import ElicitResult

from tests.unit.bridge.fixture_mesh import Discovery, Tools, grpc_tools, running_bridge

BOTH_ERAS = pytest.mark.parametrize(
    ("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")]
)


async def answer_name(context, params):
    return ElicitResult(action="accept", content={"name": "Ada"})


@BOTH_ERAS
async def test_client_lists_and_calls_over_http(mode, version):
    async with running_bridge() as mesh, Client(mesh.url, mode=mode) as client:
        assert client.protocol_version == version
        tools = (await client.list_tools()).tools
        names = [tool.name for tool in tools]
        assert names == sorted(names)
        assert names.count("add") == 1
        assert next(t for t in tools if t.name == "add").description == "Adds two integers."
        result = await client.call_tool("add", {"a": 1, "b": 2})
        assert result.structured_content == {"sum": 3}
        assert not result.is_error


@BOTH_ERAS
async def test_progress_that_grows_and_chunks_reach_the_client(mode, version):
    heard = []

    async def hear(progress, total, message):
        heard.append((progress, total, message))

    async with running_bridge() as mesh, Client(mesh.url, mode=mode) as client:
        result = await client.call_tool("count", {}, progress_callback=hear)
    assert heard == [(1.0, 3.0, "step 1"), (2.0, 3.0, "step 2"), (3.0, 3.0, "step 3")]
    assert [block.text for block in result.content] == [
        "chunk 1",
        "chunk 2",
        "chunk 2",
        "chunk 3",
        "done",
    ]


@BOTH_ERAS
async def test_failures_are_results_and_unknown_tools_are_errors(mode, version):
    async with running_bridge() as mesh, Client(mesh.url, mode=mode) as client:
        failed = await client.call_tool("fails", {})
        assert failed.is_error
        assert failed.meta["mcpmesh/error"] == {
            "code": "TOOL_ERROR",
            "retryable": True,
            "retry_after_ms": 1500,
        }
        with pytest.raises(MCPError, match="nearest: add, echo") as caught:
            await client.call_tool("nix", {})
        assert caught.value.code == -32602


async def test_modern_client_answers_what_a_tool_asks():
    async with (
        running_bridge() as mesh,
        Client(mesh.url, mode="auto", elicitation_callback=answer_name) as client,
    ):
        result = await client.call_tool("ask", {})
    assert result.content[0].text == "hello Ada s1"


async def test_legacy_client_is_told_that_it_cannot_be_asked():
    async with running_bridge() as mesh, Client(mesh.url, mode="legacy") as client:
        result = await client.call_tool("ask", {})
    assert result.is_error
    assert "elicitation/create" in result.content[0].text
    assert "2026-07-28" in result.content[0].text


async def test_modern_client_that_declared_nothing_is_not_asked():
    async with running_bridge() as mesh, Client(mesh.url, mode="auto") as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("ask", {})
    assert caught.value.code == -32021
    assert caught.value.error.data == {"requiredCapabilities": {"elicitation": {}}}


async def test_legacy_client_pings_sets_the_log_level_and_hears_log_lines():
    lines = []

    async def hear(params):
        lines.append((params.level, params.data))

    async def ignore(*_):
        pass

    async with (
        running_bridge() as mesh,
        Client(mesh.url, mode="legacy", logging_callback=hear) as client,
    ):
        await client.send_ping()
        await client.call_tool("count", {}, progress_callback=ignore)
        assert [level for level, _ in lines] == ["info", "info", "info"]
        await client.set_logging_level("debug")
        await client.call_tool("count", {}, progress_callback=ignore)
    assert [level for level, _ in lines[3:]] == ["info", "info", "info", "debug"]


SERVE = """
import asyncio, grpc, sys
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.lines import standard_lines
from mcpmesh.bridge.stdio import StdioConnection
async def main():
    async with grpc.aio.insecure_channel(sys.argv[1]) as channel, RemoteMesh(channel) as mesh:
        bridge = Bridge(mesh)
        async with standard_lines(bridge.settings.max_body_bytes) as (lines, write):
            print("a stray print must not reach the client")
            await StdioConnection(bridge, write).serve(lines)
asyncio.run(main())
"""


@BOTH_ERAS
async def test_client_lists_and_calls_over_stdio(mode, version):
    async with grpc_tools(Tools(), Discovery()) as target:
        server = StdioServerParameters(command=sys.executable, args=["-c", SERVE, target])
        async with Client(stdio_client(server), mode=mode) as client:
            assert client.protocol_version == version
            assert len((await client.list_tools()).tools) == 13
            results = await asyncio.gather(
                *(client.call_tool("add", {"a": i, "b": 1}) for i in range(20))
            )
            assert [r.structured_content["sum"] for r in results] == list(range(1, 21))


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_call_that_the_client_gives_up_is_cancelled_on_its_replica(mode):
    async with running_bridge() as mesh, Client(mesh.url, mode=mode) as client:
        call = asyncio.create_task(client.call_tool("slow", {}))
        await asyncio.wait_for(mesh.tools.started.wait(), 5)
        call.cancel()
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
