"""Tool containers that speak HTTP, adopted: the example, odd ones, and a whole other mesh."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mcpmesh import ToolServer
from mcpmesh.adopt.container_kind import tool_containers
from mcpmesh.adopt.container_manifest import ContainedTool, tools_in
from mcpmesh.adopt.container_upstream import ContainerUpstream, ToolContainer
from mcpmesh.adopt.copy import State
from mcpmesh.adopt.event_lines import EventLines
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.config import InvalidSetting
from mcpmesh.errors import InvalidCall
from tests.integration.adopt.adopted import ANY, adopting, client_of, mesh
from tests.integration.adopt.petstore_server import served

EXAMPLE = Path(__file__).parents[3] / "examples" / "container" / "tool.py"
SOON = 0.05


@contextmanager
def example() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the example as a process; yields its URL."""
    argv = [sys.executable, str(EXAMPLE), "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1], process
        finally:
            process.kill()


def container(url: str, namespace: str = "", **settings: Any) -> ContainerUpstream:
    settings = {"look_every": SOON, **settings}
    return ContainerUpstream(ToolContainer("box", url, **settings), Naming(namespace))


class Box:
    """A container that does as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.tools: list[dict[str, Any]] = [{"name": "try"}]
        self.answer: Response = JSONResponse({"n": 1})
        self.asked: list[dict[str, Any]] = []
        self.app = Starlette(
            routes=[
                Route("/manifest", self.manifest),
                Route("/invoke", self.invoke, methods=["POST"]),
            ]
        )

    async def manifest(self, request: Request) -> Response:
        return JSONResponse({"tools": self.tools})

    async def invoke(self, request: Request) -> Response:
        self.asked.append({**request.headers, "body": await request.json()})
        return self.answer


@asynccontextmanager
async def boxed(**settings: Any) -> AsyncIterator[tuple[Client, Box]]:
    box = Box()
    async with served(box.app) as url, client_of([container(url, **settings)]) as (client, _):
        yield client, box


async def test_the_example_lists_calls_streams_and_fails() -> None:
    with example() as (url, _):
        async with client_of([container(url, "demo")]) as (client, _):
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {"demo_slug", "demo_countdown"}
            assert tools["demo_slug"].annotations is not None
            assert tools["demo_slug"].annotations.read_only_hint is True
            slug = await client.call_tool("demo_slug", {"title": "To be, or not?"})
            assert slug.structured_content == {"slug": "to-be-or-not"}
            heard: list[float] = []

            async def hear(progress: float, total: float | None, message: str | None) -> None:
                heard.append(progress)

            counted = await client.call_tool("demo_countdown", {"start": 3}, progress_callback=hear)
            assert [block.text for block in counted.content] == ["3", "2", "1", "lift-off"]
            assert heard == [1, 2, 3]
            wrong = await client.call_tool("demo_slug", {"title": 3})
            assert wrong.is_error
            none = await client.call_tool("demo_slug", {"title": "?!"})
            assert none.is_error
            assert "no letter" in none.content[0].text


async def test_copies_are_balanced_and_one_that_dies_loses_no_later_call() -> None:
    async with AsyncExitStack() as stack:
        first, dies = stack.enter_context(example())
        second, _ = stack.enter_context(example())
        running = await stack.enter_async_context(mesh())
        await stack.enter_async_context(adopting(running, [container(first), container(second)]))
        await running.until(State.SERVING, State.SERVING)
        await running.until_ready("slug", 2)
        client = await stack.enter_async_context(Client(running.url))
        dies.kill()
        for _ in range(20):
            called = await client.call_tool("slug", {"title": "a b"})
            assert called.structured_content == {"slug": "a-b"}
        await running.until(State.AWAY, State.SERVING)
        await running.until_ready("slug", 1)


async def test_a_container_hears_who_calls_and_how_long_it_may_take() -> None:
    async with boxed(headers={"authorization": "Bearer s3cret"}) as (client, box):
        result = await client.call_tool("try", {"a": 1}, read_timeout_seconds=30)
        assert result.structured_content == {"n": 1}
        (asked,) = box.asked
        assert asked["body"] == {"a": 1}
        assert asked["mcp-name"] == "try"
        assert asked["traceparent"].count("-") == 3
        assert asked["x-correlation-id"]
        assert asked["grpc-timeout"]
        assert asked["authorization"] == "Bearer s3cret"


@pytest.mark.parametrize(
    ("answer", "text", "structured"),
    [
        (JSONResponse([1, 2]), "[1,2]", None),
        (JSONResponse("hi"), "hi", None),
        (Response(b"", 204), None, None),
        (JSONResponse({"content": [{"type": "text", "text": "x"}]}), "x", None),
        (JSONResponse({"structuredContent": {"a": 1}}), '{"a":1}', {"a": 1}),
        (JSONResponse({"a": {"b": None}}), '{"a":{"b":null}}', {"a": {"b": None}}),
    ],
)
async def test_what_it_found_is_a_result(answer: Response, text: Any, structured: Any) -> None:
    async with boxed() as (client, box):
        box.answer = answer
        result = await client.call_tool("try", {})
        assert not result.is_error
        assert (result.content[0].text if result.content else None) == text
        if structured is not None:
            assert result.structured_content == structured


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (JSONResponse({"error": {"message": "no such city"}}, 404), "NOT_FOUND", "no such city"),
        (JSONResponse({"error": {"message": "m", "code": "DATA_LOSS"}}, 500), "DATA_LOSS", "m"),
        (JSONResponse({"error": "plain words"}, 400), "INVALID_ARGUMENT", "plain words"),
        (Response("oops", 500), "UNKNOWN", "500"),
        (Response("x", 302, {"location": "http://a"}), "INVALID_ARGUMENT", "302"),
        (Response("{", 200, media_type="application/json"), "INTERNAL", "none"),
        (JSONResponse({"content": 3}), "INTERNAL", "none"),
        (Response("busy", 503), "UNAVAILABLE", "busy"),
        (Response("slow down", 429, {"retry-after": "1"}), "RESOURCE_EXHAUSTED", "slow down"),
        (
            JSONResponse({"isError": True, "content": [{"type": "text", "text": "mine"}]}, 500),
            "TOOL_ERROR",
            "mine",
        ),
        (
            Response("event: error\ndata: {\"error\": {\"message\": \"late\"}}\n\n", 200,
                     media_type="text/event-stream"),
            "UNKNOWN",
            "late",
        ),
        (JSONResponse({"inputRequired": {}}), "FAILED_PRECONDITION", "asks back"),
        (Response("event: inputRequired\ndata: {}\n\n", 200, media_type="text/event-stream"),
         "FAILED_PRECONDITION", "asks back"),
        (Response("event: x\ndata: 1\n\n", 200, media_type="text/event-stream"),
         "UNAVAILABLE", "without a result"),
        (Response(b"x" * 5000, 200), "OUT_OF_RANGE", "more than 4096"),
        (Response(b"data: " + b"x" * 5000, 200, media_type="text/event-stream"),
         "OUT_OF_RANGE", "more than 4096"),
    ],
)  # fmt: skip
async def test_a_failure_says_why(answer: Response, code: str, says: str) -> None:
    async with boxed(max_answer_bytes=4096) as (client, box):
        box.answer = answer
        result = await client.call_tool("try", {})
        assert result.is_error
        assert says in result.content[0].text
        assert (result.meta or {})["mcpmesh/error"]["code"] == code


async def test_tools_that_come_and_go_are_noticed() -> None:
    box = Box()
    async with served(box.app) as url, mesh() as running, adopting(running, [container(url)]):
        await running.until_ready("try", 1)
        box.tools = [{"name": "other", "version": "7", "labels": {"team": "a"}, "timeout": 3}]
        await running.until_ready("other", 1)
        await running.until_ready("try", 0)
        (status,) = running.router.mesh.tools().tools
        assert (status.tool.version, dict(status.tool.labels)) == ("7", {"team": "a"})
        assert status.tool.timeout.seconds == 3


async def test_patterns_choose_among_its_tools(caplog: pytest.LogCaptureFixture) -> None:
    box = Box()
    box.tools = [{"name": name} for name in ("find_a", "find_b", "drop")]
    async with served(box.app) as url:
        only = container(url, namespace="box", only=("find_*", "lost"))
        async with client_of([only]) as (client, _):
            names = [tool.name for tool in (await client.list_tools()).tools]
    assert names == ["box_find_a", "box_find_b"]
    assert "box: none of its tools fits lost" in caplog.messages


async def test_another_mesh_is_a_container_too() -> None:
    server = ToolServer("far")

    @server.tool
    async def greet(name: str) -> dict[str, str]:
        """Greets."""
        return {"text": f"hello {name}"}

    async with mesh() as far:
        await server.start(ANY, far.endpoint)
        try:
            await far.until_ready("greet", 1)
            url = far.url.removesuffix("/mcp")
            async with client_of([container(url, "far")]) as (client, _):
                result = await client.call_tool("far_greet", {"name": "Ada"})
                assert result.structured_content == {"text": "hello Ada"}
                wrong = await client.call_tool("far_greet", {"nam": "Ada"})
                assert wrong.is_error
            async with httpx2.AsyncClient() as direct:
                assert (await direct.get(f"{url}/manifest")).status_code == 200
        finally:
            await server.stop(0)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[x"])
async def test_what_is_not_there_is_told(url: str) -> None:
    with pytest.raises(UpstreamFailed):
        async with container(url).connect():
            pass


@pytest.mark.parametrize("manifest", ["{", "[]", "3", "{}", '{"tools": 3}'])
def test_what_is_no_manifest_is_told(manifest: str) -> None:
    with pytest.raises(InvalidCall, match="manifest"):
        list(tools_in(manifest.encode(), "http://a", Naming(), {}))


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {},
        {"name": 3},
        {"name": "a:b"},
        {"name": "a", "invoke": 3},
        {"name": "a", "invoke": "http://elsewhere.example/invoke"},
        {"name": "a", "invoke": "http://box@elsewhere.example/"},
    ],
)
def test_one_bad_entry_leaves_the_others(entry: Any) -> None:
    manifest = json.dumps({"tools": [entry, {"name": "good"}]}).encode()
    bad, good = tools_in(manifest, "http://box", Naming(), {})
    assert isinstance(bad, InvalidCall)
    assert isinstance(good, ContainedTool)
    assert good.url == "http://box/invoke"


def test_a_tool_is_called_where_its_manifest_says() -> None:
    for base in ("http://box", "http://box/below"):
        manifest = json.dumps({"name": "a", "invoke": "/do/a"}).encode()
        (tool,) = tools_in(manifest, base, Naming("n"), {"l": "1"})
        assert isinstance(tool, ContainedTool)
        assert (tool.url, tool.own_name, tool.tool.name) == (f"{base}/do/a", "a", "n_a")
        assert tool.tool.labels == {"l": "1"}


def test_events_are_the_same_however_they_are_cut() -> None:
    stream = b": hi\r\nevent: a\r\ndata: 1\r\ndata: 2\r\n\r\n\n\ndata:3\n\nevent: b\n\ndata: 4"
    for size in (1, 2, 3, 7, 100):
        lines = EventLines(100)
        found = [
            event
            for start in range(0, len(stream), size)
            for event in lines.feed(stream[start : start + size])
        ]
        assert found == [("a", b"1\n2"), ("message", b"3")]
        assert not lines.overflown


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"url": "http://127.0.0.1:99999"},
        {"url": "ftp://a"},
        {"url": "http://a?b"},
        {"url": "http://a", "namespace": "a b"},
        {"url": "http://a", "look_every": 0},
        {"url": "http://a", "uri": "http://b"},
    ],
)
def test_a_table_that_cannot_work_is_refused(table: Any) -> None:
    with pytest.raises(InvalidSetting, match="adopt"):
        tool_containers("box", table, {})


def test_each_url_is_a_replica() -> None:
    table = {"url": "http://a", "urls": ["http://b", "http://c"], "namespace": "n"}
    assert [each.name for each in tool_containers("box", table, {})] == ["box"] * 3
