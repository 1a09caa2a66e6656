"""A process that follows its parent's registry shows the same catalog and forwards calls to it."""

import asyncio
import logging
from random import Random

import grpc
import pytest

from mcpmesh.dispatch import registry_messages
from mcpmesh.dispatch.registry_follower import RegistryFollower
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.discovery_servicer import DiscoveryServicer
from mcpmesh.router.forwarding_registrar import ForwardingRegistrar
from mcpmesh.router.registrar import Registrar
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import discovery_pb2, registry_pb2, registry_pb2_grpc
from tests.eventually import eventually
from tests.unit.router.serving import (
    SeenReplicas,
    clock,
    mesh,
    registering,
    running,
    serving,
)

QUICK = Backoff(first=0.01, longest=0.05)


def follower_of(stubs) -> RegistryFollower:
    return RegistryFollower(stubs.registry.WatchRegistry, Random(1), QUICK)


def add(keeper: RegistryKeeper, replica_id: str, *tools: Tool) -> None:
    keeper.add_static(Replica(replica_id, "10.0.0.7:1"), tools)


async def test_the_followers_catalog_is_the_parents():
    keeper = RegistryKeeper(clock)
    add(keeper, "a", Tool("add", version="1"))
    add(keeper, "b", Tool("add", version="2"))
    async with mesh(keeper) as stubs:
        follower = follower_of(stubs)
        async with running(follower.run()):
            await follower.synced()
            assert follower.catalog == keeper.catalog
            assert follower.cursor == keeper.cursor
            add(keeper, "c", Tool("sub"))
            keeper.remove_static("a")
            await eventually(lambda: follower.cursor == keeper.cursor)
            assert follower.catalog == keeper.catalog
            assert follower.registrations() == keeper.registrations()


async def test_who_follows_late_knows_which_version_is_the_newest_of_each_tool():
    """Tools that aged in opposite directions: no order of the replicas alone could tell."""
    keeper = RegistryKeeper(clock)
    add(keeper, "a", Tool("add", version="1"), Tool("sub", version="2"))
    add(keeper, "b", Tool("add", version="2"))
    add(keeper, "c", Tool("sub", version="1"))
    async with mesh(keeper) as stubs:
        follower = follower_of(stubs)
        async with running(follower.run()):
            await follower.synced()
            assert follower.catalog == keeper.catalog
            assert follower.catalog.find("add").tool.version == "2"
            assert follower.catalog.find("sub").tool.version == "1"
            keeper.remove_static("b")
            add(keeper, "d", Tool("add", version="2"))
            await eventually(lambda: follower.cursor == keeper.cursor)
            assert follower.catalog == keeper.catalog


async def test_a_restarted_parent_that_saw_the_versions_in_another_order_decides_it():
    first, second = RegistryKeeper(clock, epoch="one"), RegistryKeeper(clock, epoch="two")
    for keeper, order in ((first, "12"), (second, "21")):
        for version in order:
            add(keeper, f"r{version}", Tool("add", version=version))
    changed: list[frozenset[str]] = []
    async with mesh(first) as before, mesh(second) as after:
        parents = iter([before.registry, after.registry])
        follower = RegistryFollower(
            lambda request: next(parents).WatchRegistry(request), Random(1), QUICK
        )
        async with running(follower.run()):
            await follower.synced()
            assert follower.catalog.find("add").tool.version == "2"
            follower.listen(lambda _, names: changed.append(names))
            first.end_watches()
            await eventually(lambda: follower.cursor.startswith("two-"))
            assert follower.catalog.clusters == second.catalog.clusters
    assert changed == [{"add"}, {"add"}]


async def test_a_worker_shows_how_long_leases_last_as_the_parent_knows_it(monkeypatch):
    monkeypatch.setattr(registry_messages, "MAX_SNAPSHOT_BYTES", 1)
    keeper = RegistryKeeper(clock)
    add(keeper, "static", Tool("add"))
    async with serving(Registrar(keeper, clock)) as parent:
        follower = follower_of(parent)
        async with running(follower.run()):
            await follower.synced()
            async with serving(
                DiscoveryServicer(follower, SeenReplicas()), ForwardingRegistrar(parent.registry)
            ) as worker:
                await worker.registry.Register(registering("a", "add"))
                await worker.registry.Register(registering("b", "add"))
                await eventually(lambda: len(follower.registrations()) == 3)
                shown = await worker.discovery.ListReplicas(discovery_pb2.ListReplicasRequest())
    left = {each.replica.id: each.lease_remaining.seconds for each in shown.replicas}
    assert left.pop("static") == 0
    assert set(left) == {"a", "b"}
    assert set(left.values()) <= {9, 10}


async def test_leases_of_a_parent_out_of_reach_are_unknown():
    async with grpc.aio.insecure_channel("127.0.0.1:1") as nowhere:
        stub = registry_pb2_grpc.RegistryServiceStub(nowhere)
        assert await RegistryFollower(stub.WatchRegistry, Random(1)).leases() == {}


async def test_a_parent_that_cannot_be_reached_is_told_in_one_line(caplog):
    async with Channel("127.0.0.1:1") as nowhere:
        stub = registry_pb2_grpc.RegistryServiceStub(nowhere)
        async with running(RegistryFollower(stub.WatchRegistry, Random(1), QUICK).run()):
            await eventually(lambda: caplog.messages)
    assert "cannot connect to 127.0.0.1:1" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]
    assert "AioRpcError" not in caplog.messages[0]


async def test_a_parent_that_stays_away_is_warned_of_once(caplog):
    caplog.set_level(logging.DEBUG, "mcpmesh.dispatch.registry_follower")

    def lost() -> list[int]:
        return [each.levelno for each in caplog.records if "lost the registry" in each.message]

    async with Channel("127.0.0.1:1") as nowhere:
        stub = registry_pb2_grpc.RegistryServiceStub(nowhere)
        async with running(RegistryFollower(stub.WatchRegistry, Random(1), QUICK).run()):
            await eventually(lambda: len(lost()) > 2)
    assert lost()[0] == logging.WARNING
    assert set(lost()[1:]) == {logging.DEBUG}


async def test_listeners_hear_the_catalog_at_once_and_each_change_with_its_names():
    keeper = RegistryKeeper(clock)
    add(keeper, "a", Tool("add"))
    heard: list[tuple[int, frozenset[str]]] = []
    async with mesh(keeper) as stubs:
        follower = follower_of(stubs)
        stop = follower.listen(lambda catalog, names: heard.append((catalog.version, names)))
        assert heard == [(0, frozenset())]
        async with running(follower.run()):
            await eventually(lambda: len(heard) == 2)
            add(keeper, "b", Tool("sub"), Tool("mul"))
            await eventually(lambda: len(heard) == 3)
            stop()
            add(keeper, "c", Tool("div"))
            await eventually(lambda: follower.cursor == keeper.cursor)
    assert heard[1:] == [(2, frozenset({"add"})), (3, frozenset({"sub", "mul"}))]


async def test_a_listener_that_fails_does_not_stop_the_others(caplog):
    keeper, heard = RegistryKeeper(clock), []

    def fail(catalog, names):
        raise RuntimeError("listener's bug")

    keeper.listen(fail)
    keeper.listen(lambda catalog, names: heard.append(names))
    add(keeper, "a", Tool("add"))
    assert heard == [frozenset(), frozenset({"add"})]
    assert "listener's bug" in caplog.text


async def test_a_lost_parent_leaves_the_last_state_and_is_followed_again():
    keeper = RegistryKeeper(clock)
    add(keeper, "a", Tool("add"))
    add(keeper, "b", Tool("sub"))
    async with mesh(keeper) as stubs:
        follower = follower_of(stubs)
        async with running(follower.run()):
            await follower.synced()
            with follower.watch(cursor=follower.cursor) as watch:
                keeper.end_watches()
                keeper.remove_static("a")
                async with asyncio.timeout(5):
                    step = await watch.step()
            assert [(change.name, change.after) for change in step.changes] == [("add", None)]
            assert step.cursor == keeper.cursor


async def test_a_restarted_parent_replaces_everything_and_its_cursors():
    first, second = RegistryKeeper(clock, epoch="one"), RegistryKeeper(clock, epoch="two")
    add(first, "a", Tool("add"))
    add(second, "b", Tool("sub"))
    async with mesh(first) as before, mesh(second) as after:
        parents = iter([before.registry, after.registry])
        follower = RegistryFollower(
            lambda request: next(parents).WatchRegistry(request), Random(1), QUICK
        )
        async with running(follower.run()):
            await follower.synced()
            old = follower.cursor
            first.end_watches()
            await eventually(lambda: follower.cursor.startswith("two-"))
            assert set(follower.catalog.clusters) == {"sub"}
            with follower.watch(cursor=old) as watch:
                assert watch.snapshot is follower.catalog


async def test_a_snapshot_in_parts_shows_only_when_it_is_whole(monkeypatch):
    monkeypatch.setattr(registry_messages, "MAX_SNAPSHOT_BYTES", 100)
    keeper = RegistryKeeper(clock)
    for n in range(20):
        add(keeper, f"r{n:02}", Tool("add"))
    sizes: list[int] = []
    async with mesh(keeper) as stubs:
        follower = follower_of(stubs)
        follower.listen(
            lambda catalog, _: sizes.append(len((catalog.find("add") or Nobody).replicas))
        )
        async with running(follower.run()):
            await follower.synced()
            add(keeper, "r99", Tool("add"))
            await eventually(lambda: follower.cursor == keeper.cursor)
    assert sizes == [0, 20, 21]


class Nobody:
    replicas = ()


async def test_a_cursor_of_one_worker_is_gone_on_from_at_another():
    keeper = RegistryKeeper(clock)
    add(keeper, "a", Tool("add"))
    async with mesh(keeper) as stubs:
        one, two = follower_of(stubs), follower_of(stubs)
        async with running(one.run()), running(two.run()):
            await one.synced()
            await two.synced()
            cursor = one.cursor
            add(keeper, "b", Tool("sub"))
            await eventually(lambda: two.cursor == keeper.cursor)
            async with serving(DiscoveryServicer(two, SeenReplicas())) as worker:
                watch = worker.discovery.WatchTools(discovery_pb2.WatchToolsRequest(cursor=cursor))
                event = await anext(aiter(watch))
                assert event.updated.tool.name == "sub"
                watch.cancel()


async def test_a_worker_forwards_to_its_parent_with_the_address_that_only_it_sees():
    keeper = RegistryKeeper(clock)
    async with mesh(keeper) as parent:
        forwarding = ForwardingRegistrar(parent.registry)
        async with serving(forwarding) as worker:
            answer = await worker.registry.Register(registering("a", "add", endpoint=":50051"))
            assert keeper.registrations()[0].replica.endpoint == "127.0.0.1:50051"
            assert answer.tools[0].version
            lease = answer.lease_id
            renewed = await worker.registry.Renew(registry_pb2.RenewRequest(lease_id=lease))
            assert renewed.ttl.seconds == 10
            await worker.registry.Drain(registry_pb2.DrainRequest(lease_id=lease))
            assert keeper.registrations()[0].draining
            await worker.registry.Deregister(registry_pb2.DeregisterRequest(lease_id=lease))
            assert keeper.registrations() == ()


async def test_the_parents_refusal_and_its_absence_reach_the_caller():
    async with mesh(RegistryKeeper(clock)) as parent:
        forwarding = ForwardingRegistrar(parent.registry)
        async with serving(forwarding) as worker:
            call = worker.registry.Renew(registry_pb2.RenewRequest(lease_id="x"))
            with pytest.raises(grpc.aio.AioRpcError, match="register again") as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await worker.registry.Register(registering("a"))
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    async with (
        grpc.aio.insecure_channel("127.0.0.1:1") as nowhere,
        serving(ForwardingRegistrar(registry_pb2_grpc.RegistryServiceStub(nowhere))) as worker,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await worker.registry.Renew(registry_pb2.RenewRequest(lease_id="x"))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_replicas_that_register_at_any_worker_are_seen_at_every_worker():
    keeper = RegistryKeeper(clock)
    async with serving(Registrar(keeper, clock)) as parent:
        followers = [follower_of(parent) for _ in range(2)]
        async with running(followers[0].run()), running(followers[1].run()):
            for follower in followers:
                await follower.synced()
            async with serving(ForwardingRegistrar(parent.registry)) as worker:
                await worker.registry.Register(registering("a", "add"))
            await eventually(lambda: all(each.catalog.find("add") for each in followers))
