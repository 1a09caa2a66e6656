"""A stock gRPC service, adopted: its methods as MCP tools give what direct calls give."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from mcp.client.client import Client

from mcpmesh import Client as MeshClient
from mcpmesh.adopt.copy import State
from mcpmesh.adopt.grpc_upstream import GrpcService, GrpcUpstream
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.native_routes import NativeRoutes
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.config import NO_TLS, LimitSettings, TlsSettings
from tests.certificates import Authority
from tests.eventually import eventually
from tests.integration.adopt.adopted import Mesh, adopting, client_of, mesh
from tests.integration.adopt.zoo_server import Animal, Zoo, kind, served, stub
from tests.unit.adopt.zoo import compile_protos, descriptor_set, zoo

ELEPHANT = {
    "name": "Ella",
    "diet": "HERBIVORE",
    "sex": "FEMALE",
    "serialNumber": "-9007199254740993",
    "chip": 18446744073709551615,
    "age": 31,
    "weight": 3100.5,
    "height": 3.2,
    "picture": "aGVsbG8=",
    "nicknames": ["El", "La"],
    "meals": {"hay": "120", "apples": 3},
    "twins": {"-4": {"name": "Bella", "tree": "7"}},
    "diets": {"true": "HERBIVORE"},
    "children": [{"name": "Emil", "children": [{"name": "Eva", "pond": {"depth": 1.5}}]}],
    "remark": "",
    "pond": {"depth": 2.5, "fish": 3},
    "born": "1994-02-03T04:05:06.789Z",
    "sleeps": "7200.5s",
    "traits": {"kind": True, "friends": ["Bo", None, 3]},
    "mood": "good",
    "log": [1, "two", None],
    "mask": "name,serialNumber",
    "sponsor": "",
    "donated": "12",
    "shown": False,
    "tag": "AAE=",
    "speed": 25,
    "extra": {"@type": "type.googleapis.com/zoo.v1.Census", "animals": 2, "legs": "8"},
}


def service(address: str, **settings: Any) -> GrpcUpstream:
    return GrpcUpstream(GrpcService("zoo", address, **settings), Naming())


def as_json(message: Any) -> Any:
    return json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, descriptor_pool=zoo().pool
    )


@asynccontextmanager
async def adopted(**settings: Any) -> AsyncIterator[tuple[Client, Zoo, Any, Mesh]]:
    """Adopt one zoo; yield the MCP client, the zoo, and a channel straight to it."""
    animals = Zoo()
    async with (
        served(animals, reflect="descriptor_set" not in settings) as address,
        client_of([service(address, **settings)]) as (client, running),
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield client, animals, channel, running


async def test_every_method_is_a_tool_with_schemas_and_the_machinery_is_none() -> None:
    async with adopted() as (client, _, _, _):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert tools.keys() == {
        f"Zoo_{name}"
        for name in (
            "Chat", "Count", "Echo", "Fail", "Later", "ListAnimals", "Metadata", "Wait"
        )
    }  # fmt: skip
    echo = tools["Zoo_Echo"]
    assert echo.title == "zoo.v1.Zoo/Echo"
    assert echo.input_schema["properties"]["born"] == {"type": "string", "format": "date-time"}
    assert echo.annotations is not None
    assert echo.annotations.read_only_hint


async def test_a_tool_gives_what_a_direct_call_gives() -> None:
    request = Animal()
    json_format.ParseDict(ELEPHANT, request, descriptor_pool=zoo().pool)
    async with adopted() as (client, _, channel, _):
        result = await client.call_tool("Zoo_Echo", ELEPHANT)
        direct = await stub(channel, "Echo")(request)
        later = await client.call_tool("Zoo_Later", {"value": "2026-01-01T00:00:00.5Z"})
    assert not result.is_error
    assert result.structured_content == as_json(direct)
    assert result.structured_content["serialNumber"] == "-9007199254740993"
    again = Animal()
    json_format.ParseDict(result.structured_content, again, descriptor_pool=zoo().pool)
    assert again == direct
    assert later.structured_content == {"value": "2026-01-01T00:00:01.500Z"}


async def test_an_any_is_read_for_types_that_reflection_knows() -> None:
    async with adopted() as (client, *_):
        packed = await client.call_tool("Zoo_Echo", {"name": "a", "remark": "pack"})
        riddle = await client.call_tool("Zoo_Echo", {"name": "a", "remark": "riddle"})
    assert packed.structured_content["extra"] == {
        "@type": "type.googleapis.com/grpc.health.v1.HealthCheckRequest",
        "service": "zoo",
    }
    assert riddle.is_error
    assert "no.Such" in riddle.content[0].text


async def test_reflection_is_understood_in_its_newest_form_too() -> None:
    async with (
        served(Zoo(), newest=True) as address,
        client_of([service(address, only=("zoo.v1.Zoo/Echo",))]) as (client, _),
    ):
        assert [tool.name for tool in (await client.list_tools()).tools] == ["Zoo_Echo"]


async def test_health_is_a_tool_when_a_pattern_names_it() -> None:
    async with adopted(only=("grpc.health.v1.Health/Check", "zoo.v1.Zoo/E*")) as (client, *_):
        names = [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("Health_Check", {})
    assert names == ["Health_Check", "Zoo_Echo"]
    assert result.structured_content == {"status": "SERVING"}


async def test_health_and_reflection_as_tools_give_what_direct_calls_give() -> None:
    only = ("grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection")
    asked = [{"listServices": ""}, {"fileContainingSymbol": "zoo.v1.Zoo"}, {"fileByFilename": "?"}]
    async with adopted(only=only) as (client, _, channel, running):
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert names >= {
            "Health_Check", "Health_Watch", "ServerReflection_ServerReflectionInfo"
        }  # fmt: skip
        unknown = await client.call_tool("Health_Check", {"service": "none"})
        checks = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.RpcError) as failed:
            await checks.Check(health_pb2.HealthCheckRequest(service="none"))
        code = failed.value.code().name
        assert unknown.content[0].text.startswith(f"grpc.health.v1.Health/Check: {code}: ")
        assert unknown.meta["mcpmesh/error"]["code"] == code
        watched = checks.Watch(health_pb2.HealthCheckRequest())
        first = json_format.MessageToDict(await watched.read())
        watched.cancel()
        async with MeshClient(running.endpoint) as caller:
            # It never ends: its first message comes at once.
            async for event in caller.stream("Health_Watch", {}):
                assert json.loads(event.text) == first == {"status": "SERVING"}
                break
        said = await client.call_tool("ServerReflection_ServerReflectionInfo", {"messages": asked})
        requests = [
            json_format.ParseDict(each, reflection_pb2.ServerReflectionRequest()) for each in asked
        ]
        reflects = reflection_pb2_grpc.ServerReflectionStub(channel)
        talk = reflects.ServerReflectionInfo(iter(requests))
        direct = [
            json_format.MessageToDict(each, always_print_fields_with_no_presence=True)
            async for each in talk
        ]
    assert said.structured_content == {"messages": direct}
    assert len(direct) == len(asked)


async def test_streams_both_ways_give_what_direct_calls_give() -> None:
    async with adopted() as (client, _, channel, _):
        listed = await client.call_tool("Zoo_ListAnimals", {"count": 3})
        request = kind("zoo.v1.ListAnimalsRequest")(count=3)
        direct = [as_json(each) async for each in stub(channel, "ListAnimals")(request)]
        animals = {"messages": [{"name": "a", "legs": 4}, {"name": "b", "legs": 2}]}
        counted = await client.call_tool("Zoo_Count", animals)
        said = await client.call_tool("Zoo_Chat", animals)
    assert listed.structured_content == {"messages": direct}
    assert len(listed.content) == 3
    assert counted.structured_content == {"animals": 2, "legs": "6"}
    assert [each["name"] for each in said.structured_content["messages"]] == ["A", "B"]


async def test_a_stream_arrives_message_by_message() -> None:

    async with adopted() as (_, _, _, running), MeshClient(running.endpoint) as client:
        events = [each async for each in client.stream("Zoo_ListAnimals", {"count": 2})]
    assert len(events) >= 3, events


async def test_of_a_stream_that_is_too_long_the_last_messages_are_kept() -> None:
    async with adopted() as (client, *_):
        result = await client.call_tool("Zoo_ListAnimals", {"count": 1200})
    messages = result.structured_content["messages"]
    assert (len(messages), messages[-1]["name"]) == (1000, "animal 1199")
    assert result.structured_content["leftOut"] == 200


async def test_a_status_is_a_tool_error_with_its_details() -> None:
    async with adopted() as (client, *_):
        failed = await client.call_tool(
            "Zoo_Fail", {"code": 3, "message": "no such name", "details": True}
        )
        ended = await client.call_tool("Zoo_ListAnimals", {"count": 1, "status": 9})
    assert failed.is_error
    text = failed.content[0].text
    assert text.startswith("zoo.v1.Zoo/Fail: INVALID_ARGUMENT: no such name\nDetails: ")
    assert '"fieldViolations":[{"field":"name","description":"is taken"}]' in text
    assert '"@type":"zoo.v1.Census","animals":7' in text
    assert failed.meta["mcpmesh/error"]["code"] == "INVALID_ARGUMENT"
    assert ended.is_error
    assert "FAILED_PRECONDITION: the keeper left" in ended.content[0].text


async def test_arguments_that_do_not_fit_are_refused_by_the_field() -> None:
    async with adopted() as (client, animals, *_):
        result = await client.call_tool("Zoo_Echo", {"name": "a", "pond": {"depth": "deep"}})
    assert result.is_error
    assert "pond.depth" in result.content[0].text
    assert animals.calls == 0


async def test_deadline_and_cancellation_reach_the_service() -> None:
    async with adopted() as (client, animals, _, _):
        call = asyncio.create_task(client.call_tool("Zoo_Wait", {"id": "one"}))
        await eventually(lambda: "one" in animals.waiting)
        assert 0 < animals.waiting["one"] <= 61
        call.cancel()
        async with asyncio.timeout(10):
            await animals.cancelled["one"].wait()


async def test_metadata_of_config_and_caller_goes_along_and_no_secret_is_shown() -> None:
    secret = {"authorization": "Bearer s3cret-token"}
    async with adopted(metadata=secret, forward=("x-tenant",)) as (client, _, _, running):
        result = await client.call_tool("Zoo_Metadata", {})
        shown = (await client.list_tools()).model_dump_json()

        async with MeshClient(running.endpoint) as direct:
            forwarded = await direct.call("Zoo_Metadata", {}, metadata=(("x-tenant", "acme"),))
    assert result.structured_content["authorization"] == "Bearer s3cret-token"
    assert "traceparent" in result.structured_content
    assert forwarded.structured["x-tenant"] == "acme"
    assert "s3cret" not in shown
    assert "s3cret" not in repr(GrpcService("zoo", "a:1", metadata=secret))


async def test_a_set_of_descriptors_serves_where_reflection_does_not(tmp_path: Path) -> None:
    file = tmp_path / "zoo.set"
    file.write_bytes(descriptor_set())
    async with adopted(descriptor_set=str(file)) as (client, *_):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        result = await client.call_tool("Zoo_Echo", {"name": "a"})
    assert tools["Zoo_Echo"].description == "Gives an animal back as it came."
    assert result.structured_content["name"] == "a"


async def test_an_answer_over_the_limit_is_an_error_that_says_so() -> None:
    small = LimitSettings(max_message_bytes=100_000)
    async with adopted(limits=small) as (client, *_):
        wide = await client.call_tool("Zoo_Echo", {"name": "a" * 60_000})
        wider = await client.call_tool("Zoo_ListAnimals", {"count": 1, "padding": 200_000})
    assert "more than a result may have" in wide.content[0].text
    assert "RESOURCE_EXHAUSTED" in wider.content[0].text
    assert not wider.meta["mcpmesh/error"].get("retryable")


@pytest.mark.parametrize(
    ("only", "message"),
    [
        (("zoo.v1.Zoo/Sleep",), "zoo.v1.Zoo/Echo"),
        (("nothing.Here",), "fits none of its methods"),
    ],
)
async def test_a_pattern_that_fits_nothing_says_what_there_is(
    only: tuple[str, ...], message: str
) -> None:
    async with served(Zoo()) as address:
        with pytest.raises(UpstreamFailed, match=message) as failed:
            await _connect(service(address, only=only))
    assert failed.value.final


async def test_a_server_without_reflection_is_told_from_one_that_is_away() -> None:
    async with served(Zoo(), reflect=False) as address:
        with pytest.raises(UpstreamFailed, match=r"no reflection.*protoc") as failed:
            await _connect(service(address))
    assert failed.value.final
    with pytest.raises(UpstreamFailed) as failed:
        await _connect(service(address))
    assert not failed.value.final


async def test_descriptors_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    file = tmp_path / "zoo.set"
    async with served(Zoo(), reflect=False) as address:
        upstream = service(address, descriptor_set=str(file))
        with pytest.raises(UpstreamFailed, match="cannot read"):
            await _connect(upstream)
        file.write_bytes(b"\xff\xff")
        with pytest.raises(UpstreamFailed, match="no set of descriptors"):
            await _connect(upstream)
        file.write_bytes(b"")
        with pytest.raises(UpstreamFailed, match="nothing in it"):
            await _connect(upstream)
        file.write_bytes(compile_protos())
        with pytest.raises(
            UpstreamFailed, match=r"google/api/field_behavior\.proto.*--include_imports"
        ):
            await _connect(upstream)


async def _connect(upstream: GrpcUpstream) -> None:
    async with upstream.connect():
        pass


async def test_a_lost_copy_loses_no_later_call_and_comes_back() -> None:
    one, two = Zoo(), Zoo()
    async with AsyncExitStack() as stack, served(one) as kept, mesh() as running:
        second = await stack.enter_async_context(AsyncExitStack())
        lost = await second.enter_async_context(served(two))
        await stack.enter_async_context(adopting(running, [service(kept), service(lost)]))
        await running.until_ready("Zoo_Echo", 2)
        client = await stack.enter_async_context(Client(running.url))
        while not (one.calls and two.calls):
            await client.call_tool("Zoo_Echo", {"name": "a"})
        await second.aclose()
        for _ in range(20):
            result = await client.call_tool("Zoo_Echo", {"name": "a"})
            assert not result.is_error, result
        await running.until(State.SERVING, State.AWAY)
        before = two.calls
        async with served(two, lost):
            await running.until_ready("Zoo_Echo", 2)
            async with asyncio.timeout(10):
                while two.calls == before:
                    await client.call_tool("Zoo_Echo", {"name": "a"})


async def test_a_service_over_tls_is_called_by_the_name_in_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    key, certificate = authority.sign("zoo", "zoo.example").pems
    trusting = TlsSettings(tls_ca=authority.ca, tls_server_name="zoo.example")
    async with served(Zoo(), key=key, certificate=certificate) as address:
        async with client_of([service(address, tls=trusting)]) as (client, _):
            result = await client.call_tool("Zoo_Echo", {"name": "a"})
        for tls in (NO_TLS, TlsSettings(tls_ca=authority.ca)):
            with pytest.raises(UpstreamFailed):
                await _connect(service(address, tls=tls))
    assert result.structured_content["name"] == "a"


async def test_callers_with_the_protos_reach_the_service_by_path_through_the_router() -> None:
    one, two = Zoo(), Zoo()
    async with served(one) as first, served(two) as second, mesh() as running:
        native = NativeRoutes("zoo", [running.endpoint], NO_TLS, LimitSettings())
        upstreams = [
            GrpcUpstream(GrpcService("zoo", address), Naming(), native)
            for address in (first, second)
        ]
        async with adopting(running, upstreams):
            await running.until(State.SERVING, State.SERVING)
            async with grpc.aio.insecure_channel(running.endpoint) as channel:
                async with asyncio.timeout(10):
                    while not (one.calls and two.calls):
                        await _echoed(channel)
                answer = await _echoed(channel)
                assert answer is not None
                assert answer.name == "Ada"
                listing = stub(channel, "ListAnimals")
                request = kind("zoo.v1.ListAnimalsRequest")(count=3)
                assert len([each async for each in listing(request)]) == 3
        async with grpc.aio.insecure_channel(running.endpoint) as channel:
            with pytest.raises(grpc.RpcError) as failed:
                await stub(channel, "Echo")(Animal(name="Ada"))
            assert failed.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def _echoed(channel: Any) -> Any:
    """Call Echo; None while the router knows nobody who serves it."""
    try:
        return await stub(channel, "Echo")(Animal(name="Ada"))
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise
    await asyncio.sleep(0.01)
    return None
