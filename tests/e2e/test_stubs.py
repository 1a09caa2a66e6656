"""Stock grpc.aio against a mesh of processes: it cannot tell that this is not grpc.aio."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from mcpmesh.v1 import discovery_pb2, invoke_pb2
from tests.e2e.commands import TOOLS, Command, command
from tests.e2e.stubs import Stubs, request, structured, text_of
from tests.eventually import eventually

ANY = "127.0.0.1:0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stubs")


@pytest.fixture(scope="module")
def router(folder: Path) -> Iterator[Command]:
    limits = ("--max-message-bytes", "100000", "--max-metadata-bytes", "8192")
    with ExitStack() as stack:
        router = stack.enter_context(command(folder, "router", "--grpc", ANY, *limits))
        for target in (TOOLS, "examples.stocks:app"):
            stack.enter_context(command(folder, "serve", target, "--router", router.grpc))
        yield router


@pytest.fixture
async def stubs(router: Command) -> AsyncIterator[Stubs]:
    async with Stubs(router.grpc) as stubs:
        yield stubs


async def refusal(awaited: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaited
    return caught.value


async def test_unary_call_gives_the_correlation_id_back(stubs: Stubs) -> None:
    call = stubs.tools.Invoke(
        request("quote", symbol="IBM", day="2005-06-15"),
        metadata=(("x-correlation-id", "order-9"),),
    )
    assert structured(await call)["symbol"] == "IBM"
    assert dict(await call.initial_metadata())["x-correlation-id"] == "order-9"
    assert await call.code() is StatusCode.OK


async def test_routing_by_metadata_and_by_message_agree(stubs: Stubs) -> None:
    named = (("mcp-name", "echo"),)
    for metadata in (named, ()):
        response = await stubs.tools.Invoke(request("echo", text="a"), metadata=metadata)
        assert text_of(response.result) == "a"


async def test_server_streams_its_events_and_the_result_last(stubs: Stubs) -> None:
    call = stubs.tools.InvokeStream(request("prices", symbol="AAPL", delay=0))
    events = [event async for event in call]
    assert [event.WhichOneof("event") for event in events] == [
        *["content"] * (len(events) - 1),
        "result",
    ]
    assert len(events) > 100
    assert json.loads(events[0].content.text.text)["symbol"] == "AAPL"


async def test_conversation_answers_each_message_before_the_next_is_sent(stubs: Stubs) -> None:
    call = stubs.tools.Converse()
    await call.write(request("quotes", symbol="MSFT", day="2004-01-15"))
    first = json.loads((await call.read()).content.text.text)
    assert first["symbol"] == "MSFT"
    for symbol in ("AMZN", "IBM", "AAPL"):
        order = json.dumps({"symbol": symbol, "day": "2006-03-01"}).encode()
        await call.write(invoke_pb2.InvokeRequest(arguments=order))
        assert json.loads((await call.read()).content.text.text)["symbol"] == symbol
    await call.done_writing()
    assert (await call.read()).WhichOneof("event") == "result"
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is StatusCode.OK


async def test_conversation_is_routed_by_its_first_message_alone(stubs: Stubs) -> None:
    async def words() -> AsyncIterator[invoke_pb2.InvokeRequest]:
        yield request("shout")
        for word in ("a", "b"):
            yield request("", word=word)

    events = [event async for event in stubs.tools.Converse(words())]
    assert [event.content.text.text for event in events[:-1]] == ["A", "B"]


async def test_conversation_without_messages_is_refused(stubs: Stubs) -> None:
    call = stubs.tools.Converse()
    await call.done_writing()
    assert await call.code() is StatusCode.INVALID_ARGUMENT
    assert "no message" in await call.details()


@pytest.mark.parametrize("method", ["Invoke", "InvokeStream", "Converse"])
async def test_deadline_reaches_the_tool_and_ends_the_call(
    stubs: Stubs, tmp_path: Path, method: str
) -> None:
    asked = request("hold", folder=str(tmp_path))
    if method == "Converse":
        call = stubs.tools.Converse(iter([asked]), timeout=0.4)
    else:
        call = getattr(stubs.tools, method)(asked, timeout=0.4)
    assert await call.code() is StatusCode.DEADLINE_EXCEEDED
    await eventually((tmp_path / "cancelled").exists)


async def test_tool_sees_less_time_than_the_caller_gave(stubs: Stubs) -> None:
    response = await stubs.tools.Invoke(request("seen"), timeout=20)
    assert 0 < structured(response)["remaining"] <= 20
    response = await stubs.tools.Invoke(request("seen"))
    assert 0 < structured(response)["remaining"] <= 30, "the router's default"


@pytest.mark.parametrize("method", ["Invoke", "InvokeStream", "Converse"])
async def test_cancelling_reaches_the_tool(stubs: Stubs, tmp_path: Path, method: str) -> None:
    asked = request("hold", folder=str(tmp_path))
    if method == "Converse":
        call = stubs.tools.Converse()
        await call.write(asked)
    else:
        call = getattr(stubs.tools, method)(asked)
    await eventually((tmp_path / "began").exists)
    call.cancel()
    await eventually((tmp_path / "cancelled").exists)
    assert not (tmp_path / "finished").exists()


async def test_cancelling_amid_a_stream_reaches_the_tool(stubs: Stubs) -> None:
    call = stubs.tools.InvokeStream(request("flood", chunks=10**9, size=10))
    await call.read()
    call.cancel()

    async def idle() -> bool:
        status = await stubs.discovery.ListReplicas(discovery_pb2.ListReplicasRequest(tool="flood"))
        return [each.in_flight for each in status.replicas] == [0]

    await eventually(idle)


async def test_unknown_tool_is_not_found_and_the_nearest_is_named(stubs: Stubs) -> None:
    error = await refusal(stubs.tools.Invoke(request("quot", symbol="IBM")))
    assert error.code() is StatusCode.NOT_FOUND
    assert "did you mean quot" in error.details()


async def test_call_without_a_tool_is_told_how_to_name_one(stubs: Stubs) -> None:
    error = await refusal(stubs.tools.Invoke(invoke_pb2.InvokeRequest()))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert "mcp-name" in error.details()


async def test_name_in_the_metadata_that_the_message_denies_is_refused(stubs: Stubs) -> None:
    error = await refusal(
        stubs.tools.Invoke(request("echo", text="a"), metadata=(("mcp-name", "who"),))
    )
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert "'who'" in error.details()
    assert "'echo'" in error.details()


async def test_message_over_the_limit_is_refused_and_one_below_is_not(stubs: Stubs) -> None:
    error = await refusal(stubs.tools.Invoke(request("echo", text="x" * 100_000)))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert "100000" in error.details()
    assert len(await stubs.text("echo", text="x" * 99_000)) == 99_000


async def test_metadata_over_the_limit_is_refused_and_the_connection_lives(
    stubs: Stubs,
) -> None:
    error = await refusal(stubs.tools.Invoke(request("who"), metadata=(("x-big", "x" * 9_000),)))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    big = (("x-big", "x" * 6_000),)
    response = await stubs.tools.Invoke(request("seen"), metadata=big)
    assert structured(response)["metadata"]["x-big"] == "x" * 6_000


async def test_method_that_is_not_served_is_unimplemented(stubs: Stubs) -> None:
    call = stubs.channel.unary_unary("/mcpmesh.v1.ToolService/Nothing")
    assert (await refusal(call(b""))).code() is StatusCode.UNIMPLEMENTED
    call = stubs.channel.unary_unary("/other.Service/Nothing")
    assert (await refusal(call(b""))).code() is StatusCode.UNIMPLEMENTED


async def test_a_message_that_is_no_protobuf_is_invalid(stubs: Stubs) -> None:
    call = stubs.channel.unary_unary("/mcpmesh.v1.ToolService/Invoke")
    assert (await refusal(call(b"\xff\xff\xff"))).code() is StatusCode.INVALID_ARGUMENT


async def test_compressed_requests_are_served(router: Command) -> None:
    compression = ("grpc.default_compression_algorithm", grpc.Compression.Gzip.value)
    async with Stubs(router.grpc, compression) as stubs:
        assert await stubs.text("echo", text="z" * 50_000) == "z" * 50_000


async def test_health_is_the_official_one(stubs: Stubs) -> None:
    health = health_pb2_grpc.HealthStub(stubs.channel)
    for service in ("", "mcpmesh.v1.ToolService"):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    error = await refusal(health.Check(health_pb2.HealthCheckRequest(service="nothing")))
    assert error.code() is StatusCode.NOT_FOUND


def test_reflection_describes_every_service(router: Command) -> None:
    with grpc.insecure_channel(router.grpc) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert set(database.get_services()) >= {
            "mcpmesh.v1.ToolService",
            "mcpmesh.v1.DiscoveryService",
            "mcpmesh.v1.RegistryService",
            "mcpmesh.v1.NoteService",
            "grpc.health.v1.Health",
        }
        file = database.FindFileContainingSymbol("mcpmesh.v1.ToolService")
        assert [method.name for method in file.service[0].method] == [
            "Invoke",
            "InvokeStream",
            "Converse",
        ]


async def test_two_versions_stand_side_by_side_and_a_call_may_ask_for_one(
    router: Command, stubs: Stubs, folder: Path
) -> None:
    catalog = await stubs.discovery.GetTool(discovery_pb2.GetToolRequest(name="who"))
    old = catalog.tool.version
    own = command(folder, "serve", TOOLS, "--router", router.grpc, env={"TOOLS_VERSION": "two"})
    with own as newcomer:
        pid = str(newcomer.process.pid)
        await eventually(lambda: _all_reach(stubs, pid))
        for metadata in ((("mcpmesh-tool-version", old),), ()):
            asked = invoke_pb2.InvokeRequest(tool="who", version=old)
            response = await stubs.tools.Invoke(asked, metadata=metadata)
            assert text_of(response.result) != pid
        asked = invoke_pb2.InvokeRequest(tool="who", version="two")
        assert text_of((await stubs.tools.Invoke(asked)).result) == pid
        asked.version = "three"
        error = await refusal(stubs.tools.Invoke(asked))
        assert error.code() is StatusCode.NOT_FOUND
        assert "two" in error.details()
        newcomer.kill()
        await eventually(lambda: _is_gone(stubs, pid))


async def _all_reach(stubs: Stubs, pid: str) -> bool:
    return set(await stubs.spread("who", 20)) == {pid}


async def test_drained_replica_gets_no_new_calls_and_finishes_the_old(
    router: Command, stubs: Stubs, folder: Path, tmp_path: Path
) -> None:
    with command(folder, "serve", TOOLS, "--router", router.grpc) as extra:
        pid = str(extra.process.pid)
        await eventually(lambda: _reaches(stubs, pid))
        async with Stubs(extra.grpc) as direct:
            held = direct.tools.Invoke(request("hold", folder=str(tmp_path), seconds=1.5))
            await eventually((tmp_path / "began").exists)
            extra.terminate()
            await eventually(lambda: _is_gone(stubs, pid))
            assert text_of((await held).result) == "held"
        assert extra.ended() == 0


async def _reaches(stubs: Stubs, pid: str) -> bool:
    return pid in await stubs.spread("who", 10)


async def _is_gone(stubs: Stubs, pid: str) -> bool:
    return pid not in await stubs.spread("who", 20)


async def test_calls_that_wait_are_served_when_a_replica_comes(
    folder: Path, tmp_path: Path
) -> None:
    with command(folder, "router", "--grpc", ANY) as router:
        async with Stubs(router.grpc) as stubs:
            wait = (("mcpmesh-wait-for-ready", "true"),)
            error = await refusal(stubs.tools.Invoke(request("who"), metadata=wait, timeout=0.3))
            assert error.code() is StatusCode.DEADLINE_EXCEEDED
            waiting = [
                stubs.tools.Invoke(request("who"), metadata=wait, timeout=60) for _ in range(3)
            ]
            await stubs.discovery.ListTools(discovery_pb2.ListToolsRequest())
            with command(folder, "serve", TOOLS, "--router", router.grpc) as replica:
                answers = {text_of((await call).result) for call in waiting}
                assert answers == {str(replica.process.pid)}
                replica.kill()
                await eventually(lambda: _not_ready(stubs))
                error = await refusal(stubs.tools.Invoke(request("who")))
                assert error.code() is StatusCode.UNAVAILABLE
                assert "who" in error.details()


async def _not_ready(stubs: Stubs) -> bool:
    return (await stubs.ready("who"))[1] == 0


async def test_call_of_a_tool_that_is_not_idempotent_fails_with_its_replica(
    folder: Path, tmp_path: Path
) -> None:
    with (
        command(folder, "router", "--grpc", ANY) as router,
        command(folder, "serve", TOOLS, "--router", router.grpc) as replica,
    ):
        async with Stubs(router.grpc) as stubs:
            call = stubs.tools.Invoke(request("hold", folder=str(tmp_path)))
            await eventually((tmp_path / "began").exists)
            replica.kill()
            error = await refusal(call)
            assert error.code() is StatusCode.UNAVAILABLE


async def test_timeout_of_years_is_taken(stubs: Stubs) -> None:
    call = stubs.channel.unary_unary("/mcpmesh.v1.ToolService/Invoke")
    asked = request("who").SerializeToString()
    for timeout in (1e7, 3e8):
        assert await call(asked, timeout=timeout)


async def test_refused_call_gives_the_correlation_id_back(stubs: Stubs) -> None:
    for asked in (invoke_pb2.InvokeRequest(), request("nothing-like-it")):
        call = stubs.tools.Invoke(asked, metadata=(("x-correlation-id", "order-10"),))
        assert await call.code() is not StatusCode.OK
        told = {**dict(await call.initial_metadata()), **dict(await call.trailing_metadata())}
        assert told["x-correlation-id"] == "order-10"
