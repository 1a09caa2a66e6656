from collections.abc import AsyncIterator
from typing import Any, ClassVar

import grpc
import orjson
import pytest
from pydantic import BaseModel

from mcpmesh import Client, ToolContext, ToolServer
from mcpmesh.errors import AlreadyExists, InvalidCall, NotReady, TooLarge
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc


class Numbers(BaseModel):
    values: list[float]


class MeanOfNumbers:
    """Mean of some numbers."""

    labels: ClassVar[dict[str, str]] = {"kind": "math"}
    idempotent = True

    def execute(self, input_data: Numbers) -> float:
        return sum(input_data.values) / len(input_data.values)


def three_tools() -> ToolServer:
    app = ToolServer("three", labels={"zone": "a"})

    @app.tool(title="Echo", read_only=True, labels={"kind": "text"})
    def echo(text: str, ctx: ToolContext) -> str:
        """Say it again.

        Useful for tests.

        Args:
            text: What to say.
        """
        return text

    app.add(MeanOfNumbers)

    @app.tool
    def add(a: int, b: int) -> int:
        return a + b

    return app


def test_a_function_describes_itself() -> None:
    echo = three_tools().tools[0]
    assert echo.description == "Say it again.\n\nUseful for tests."
    schema = orjson.loads(echo.input_schema)
    assert schema["properties"] == {"text": {"type": "string", "description": "What to say."}}
    assert echo.annotations.read_only is True


def test_a_class_with_execute_describes_itself() -> None:
    mean = three_tools().tools[1]
    assert (mean.name, mean.description) == ("mean_of_numbers", "Mean of some numbers.")
    assert mean.annotations.idempotent is True
    assert mean.labels == {"kind": "math"}
    assert "values" in orjson.loads(mean.input_schema)["properties"]


def test_the_decorator_gives_the_function_back() -> None:
    app = ToolServer("s")

    @app.tool(name="sum")
    def add(a: int, b: int) -> int:
        return a + b

    assert add(1, 2) == 3
    assert app.tools[0].name == "sum"


def test_equal_schemas_have_equal_versions_unless_named() -> None:
    def tool(a: int) -> int:
        return a

    one, two, named = ToolServer("x"), ToolServer("y"), ToolServer("z", version="2.1")
    for app in (one, two, named):
        app.tool(tool)
    assert one.tools[0].version == two.tools[0].version
    assert named.tools[0].version == "2.1"


def test_a_name_that_is_taken_is_refused() -> None:
    app = three_tools()
    with pytest.raises(AlreadyExists, match="echo"):
        app.tool(name="echo")(lambda: None)


def test_a_class_without_execute_is_no_tool() -> None:
    with pytest.raises(TypeError, match="execute"):
        ToolServer("s").add(3)


@pytest.mark.parametrize("options", [{"name": "no spaces"}, {"timeout": 0}, {"labels": {"": "x"}}])
def test_what_the_mesh_would_refuse_is_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidCall):
        ToolServer("s").tool(**{"name": "t", **options})(lambda: None)


async def test_a_server_without_tools_does_not_start() -> None:
    with pytest.raises(NotReady, match="no tools"):
        await ToolServer("empty").start()


async def test_listening_everywhere_advertises_the_port_alone() -> None:
    app = three_tools()
    replica = await app.start("0.0.0.0:0", insecure=True)
    await app.stop(0)
    assert replica.endpoint.startswith(":")
    assert replica.id.startswith("three-")


async def test_each_start_is_a_new_replica() -> None:
    app = three_tools()
    first = await app.start()
    await app.stop(0)
    second = await app.start()
    await app.stop(0)
    assert first.id != second.id


@pytest.fixture
async def channel() -> AsyncIterator[Any]:
    app = three_tools()
    replica = await app.start()
    async with grpc.aio.insecure_channel(replica.endpoint) as channel:
        yield channel
    await app.stop(0)


async def test_a_class_with_execute_is_called_like_any_tool(channel: Any) -> None:
    stub: Any = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]
    request = invoke_pb2.InvokeRequest(tool="mean_of_numbers", arguments=b'{"values": [1, 2]}')
    result = (await stub.Invoke(request)).result
    assert orjson.loads(result.structured_content) == {"result": 1.5}


@pytest.fixture
def discovery(channel: Any) -> Any:
    return discovery_pb2_grpc.DiscoveryServiceStub(channel)  # type: ignore[no-untyped-call]


async def test_pages_follow_each_other_by_name(discovery: Any) -> None:
    names, token = [], ""
    for _ in range(3):
        page = await discovery.ListTools(
            discovery_pb2.ListToolsRequest(page_size=1, page_token=token)
        )
        names += [status.tool.name for status in page.tools]
        token = page.next_page_token
    assert (names, token) == (["add", "echo", "mean_of_numbers"], "")


async def test_a_foreign_page_token_is_refused(discovery: Any) -> None:
    for token in ("!", "Zm9v", "é"):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await discovery.ListTools(discovery_pb2.ListToolsRequest(page_token=token))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_labels_filter(discovery: Any) -> None:
    page = await discovery.ListTools(discovery_pb2.ListToolsRequest(labels={"kind": "math"}))
    assert [status.tool.name for status in page.tools] == ["mean_of_numbers"]


async def test_an_unknown_tool_names_the_nearest(discovery: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await discovery.GetTool(discovery_pb2.GetToolRequest(name="ecco"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "echo" in caught.value.details()


async def test_search_weighs_the_name_most(discovery: Any) -> None:
    found = await discovery.SearchTools(discovery_pb2.SearchToolsRequest(query="mean again"))
    assert [hit.tool.tool.name for hit in found.hits] == ["mean_of_numbers", "echo"]


async def test_a_watcher_gets_a_snapshot_and_its_cursor_spares_the_next(discovery: Any) -> None:
    watch = discovery.WatchTools(discovery_pb2.WatchToolsRequest())
    event = await watch.read()
    assert len(event.snapshot.tools) == 3
    watch.cancel()
    known = discovery_pb2.WatchToolsRequest(cursor=event.cursor)
    again = discovery.WatchTools(known, timeout=0.05)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await again.read()
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_the_only_replica_is_the_server_itself(discovery: Any) -> None:
    listed = await discovery.ListReplicas(discovery_pb2.ListReplicasRequest())
    (status,) = listed.replicas
    assert (status.state, status.replica.server) == ("READY", "three")
    assert dict(status.replica.labels) == {"zone": "a"}


async def test_a_message_over_the_limit_either_way_is_never_worth_another_try() -> None:
    app = ToolServer("large")

    @app.tool
    def repeat(text: str, times: int) -> str:
        return text * times

    replica = await app.start()
    async with Client(replica.endpoint) as client:
        for arguments in ({"text": "x" * 5_000_000, "times": 1}, {"text": "x", "times": 5_000_000}):
            with pytest.raises(TooLarge, match="max_message_bytes") as caught:
                await client.call("repeat", arguments)
            assert caught.value.retryable is False
    await app.stop(0)
