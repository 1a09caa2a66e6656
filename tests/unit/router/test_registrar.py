"""RegistryService as a stock grpc.aio client sees it."""

import asyncio

import grpc
import pytest

from mcpmesh.codec.tool import replica_from_message
from mcpmesh.dispatch import registry_messages
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.v1 import registry_pb2
from tests.eventually import eventually
from tests.unit.router.serving import clock, mesh, refused, registering


async def test_a_replica_gets_its_lease_and_its_tools_with_their_versions():
    async with mesh(RegistryKeeper(clock)) as stubs:
        answer = await stubs.registry.Register(registering("a", "add", "sub"))
        assert answer.lease_id
        assert answer.ttl.seconds == 10
        assert [tool.name for tool in answer.tools] == ["add", "sub"]
        assert all(len(tool.version) == 12 for tool in answer.tools)


async def test_a_differing_newcomer_is_told_its_own_version():
    async with mesh(RegistryKeeper(clock)) as stubs:
        await stubs.registry.Register(registering("a", "add", version="1", description="one"))
        answer = await stubs.registry.Register(
            registering("b", "add", version="1", description="two")
        )
        assert answer.tools[0].version.startswith("1-")


@pytest.mark.parametrize("endpoint", [":50051", "0.0.0.0:50051", "[::]:50051"])
async def test_the_endpoints_host_is_filled_from_the_callers_address(endpoint):
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        await stubs.registry.Register(registering("a", "add", endpoint=endpoint))
        assert keeper.registrations()[0].replica.endpoint == "127.0.0.1:50051"


async def test_the_endpoints_host_is_filled_over_ipv6():
    keeper = RegistryKeeper(clock)
    try:
        async with mesh(keeper, host="[::1]") as stubs:
            await stubs.registry.Register(registering("a", "add", endpoint=":50051"))
    except RuntimeError:
        pytest.skip("no IPv6 on this machine")
    assert keeper.registrations()[0].replica.endpoint == "[::1]:50051"


async def test_a_malformed_registration_says_which_field_of_which_tool():
    async with mesh(RegistryKeeper(clock)) as stubs:
        request = registering("a", "add", labels={"x" * 64: ""})
        code, message = await refused(stubs.registry.Register(request))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "tool add" in message
        assert "label" in message
        for bad in (registering("a"), registering("", "t"), registering("a", "t", endpoint="")):
            code, _ = await refused(stubs.registry.Register(bad))
            assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_unknown_lease_is_not_found_and_may_be_deregistered():
    async with mesh(RegistryKeeper(clock)) as stubs:
        for call in (
            stubs.registry.Renew(registry_pb2.RenewRequest(lease_id="x")),
            stubs.registry.Drain(registry_pb2.DrainRequest(lease_id="x")),
        ):
            code, message = await refused(call)
            assert code is grpc.StatusCode.NOT_FOUND
            assert "register again" in message
        await stubs.registry.Deregister(registry_pb2.DeregisterRequest(lease_id="x"))


async def test_a_replica_drains_renews_and_leaves():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        lease = (await stubs.registry.Register(registering("a", "add"))).lease_id
        await stubs.registry.Drain(registry_pb2.DrainRequest(lease_id=lease))
        assert keeper.catalog.find("add").draining == {"a"}
        answer = await stubs.registry.Renew(registry_pb2.RenewRequest(lease_id=lease))
        assert answer.ttl.seconds == 10
        await stubs.registry.Deregister(registry_pb2.DeregisterRequest(lease_id=lease))
        assert keeper.catalog.find("add") is None


async def test_a_lease_ends_by_itself_at_its_time():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        await stubs.registry.Register(registering("long", "add"))
        request = registering("short", "add")
        request.ttl.FromMilliseconds(1)
        began = clock()
        assert (await stubs.registry.Register(request)).ttl.seconds == 1
        await eventually(lambda: len(keeper.registrations()) == 1)
        assert 0.95 < clock() - began < 3
        assert [each.id for each in keeper.catalog.find("add").replicas] == ["long"]


async def test_a_follower_gets_a_snapshot_then_every_change():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        lease = (await stubs.registry.Register(registering("a", "add"))).lease_id
        stream = stubs.registry.WatchRegistry(registry_pb2.WatchRegistryRequest())
        events = aiter(stream)
        first = await anext(events)
        assert [each.replica.id for each in first.snapshot.registrations] == ["a"]
        assert first.snapshot.registrations[0].lease_remaining.seconds in (9, 10)
        await stubs.registry.Drain(registry_pb2.DrainRequest(lease_id=lease))
        second = await anext(events)
        assert (second.updated.replica.id, second.updated.draining) == ("a", True)
        await stubs.registry.Deregister(registry_pb2.DeregisterRequest(lease_id=lease))
        third = await anext(events)
        assert third.removed == "a"
        assert [second.version, third.version] == [first.version + 1, first.version + 2]
        stream.cancel()


async def test_a_follower_that_is_too_slow_is_told_to_watch_again():
    keeper = RegistryKeeper(clock, follower_bound=3)
    async with mesh(keeper) as stubs:
        stream = stubs.registry.WatchRegistry(registry_pb2.WatchRegistryRequest())
        events = aiter(stream)
        await anext(events)
        for n in range(5):
            keeper.add_static(registering_replica(n), [tool("add")])
        code, message = await refused(drained(events))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "behind" in message


async def test_followers_are_let_go_when_the_router_goes_down():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as stubs:
        events = aiter(stubs.registry.WatchRegistry(registry_pb2.WatchRegistryRequest()))
        await anext(events)
        keeper.end_watches()
        code, _ = await refused(drained(events))
        assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_large_registry_comes_in_parts_of_which_only_the_last_has_a_version(monkeypatch):
    monkeypatch.setattr(registry_messages, "MAX_SNAPSHOT_BYTES", 200)
    keeper = RegistryKeeper(clock)
    for n in range(9):
        keeper.add_static(registering_replica(n), [tool("add")])
    events = list(registry_messages.snapshot_messages(7, keeper.registrations(), 0.0))
    assert [event.version for event in events] == [*[0] * (len(events) - 1), 7]
    assert len(events) > 2
    first, *rest = events
    got = [each.replica.id for each in first.snapshot.registrations]
    got += [event.updated.replica.id for event in rest]
    assert got == [f"r{n}" for n in range(9)]


async def test_followers_are_told_when_each_version_first_came():
    keeper = RegistryKeeper(clock)
    old = keeper.register(registering_replica(1), [tool("add", "1")])[0]
    keeper.register(registering_replica(2), [tool("add", "2")])
    keeper.deregister(old.id)
    keeper.register(registering_replica(1), [tool("add", "1")])
    async with mesh(keeper) as stubs:
        events = aiter(stubs.registry.WatchRegistry(registry_pb2.WatchRegistryRequest()))
        told = (await anext(events)).snapshot.registrations
        assert {each.tools[0].version: list(each.arrivals) for each in told} == {"1": [0], "2": [1]}


async def drained(events) -> None:
    async with asyncio.timeout(10):
        async for _ in events:
            pass


def registering_replica(n: int) -> Replica:
    return replica_from_message(registering(f"r{n}").replica)


def tool(name: str, version: str = "") -> Tool:
    return Tool(name, version=version)
