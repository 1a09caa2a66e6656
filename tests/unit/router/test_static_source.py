"""Replicas that do not register themselves are asked for their tools, or taken at their names."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any

import grpc

from mcpmesh.config import StaticReplica
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router.discovery_servicer import DiscoveryServicer
from mcpmesh.router.found_replicas import FoundReplicas
from mcpmesh.router.kept_replica import Asking
from mcpmesh.router.registrar import Registrar
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.router.replica_source import Found, Tell
from mcpmesh.router.static_source import StaticSource
from tests.eventually import eventually
from tests.unit.router.serving import SeenReplicas, clock, running, serving

QUICK = Backoff(first=0.01, longest=0.05)


def source(keeper: RegistryKeeper, *replicas: StaticReplica, **options: Any) -> StaticSource:
    return StaticSource(
        keeper,
        replicas,
        lambda each: grpc.aio.insecure_channel(each.endpoint),
        Random(1),
        backoff=QUICK,
        **options,
    )


def serving_tools(keeper: RegistryKeeper):
    """A replica's own DiscoveryService; its registry stands for the tools it has."""
    return serving(DiscoveryServicer(keeper, SeenReplicas()))


def names(keeper: RegistryKeeper) -> set[str]:
    return set(keeper.catalog.clusters)


async def test_a_replica_with_named_tools_is_there_at_once():
    keeper = RegistryKeeper(clock)
    async with running(source(keeper, StaticReplica("10.0.0.7:50051", ("add", "sub"))).run()):
        await eventually(lambda: names(keeper) == {"add", "sub"})
    (registration,) = keeper.registrations()
    assert registration.static
    assert registration.replica == Replica("static-10.0.0.7-50051", "10.0.0.7:50051")


async def test_a_replica_without_names_is_asked_for_all_its_tools():
    keeper, replica = RegistryKeeper(clock), RegistryKeeper(clock)
    tools = [Tool(f"t{n}", "text", b'{"type":"object"}', labels={"n": "1"}) for n in range(120)]
    replica.add_static(Replica("self", "h:1"), tools)
    async with serving_tools(replica) as stubs:
        configured = StaticReplica(f"127.0.0.1:{stubs.port}")
        async with running(source(keeper, configured).run()):
            await eventually(lambda: len(names(keeper)) == 120)
    assert keeper.catalog.find("t7").tool == tools[7]


async def test_a_replica_that_is_away_or_empty_is_asked_until_it_answers(caplog):
    keeper, replica = RegistryKeeper(clock), RegistryKeeper(clock)
    async with serving_tools(replica) as stubs:
        configured = StaticReplica(f"127.0.0.1:{stubs.port}")
        async with running(source(keeper, configured).run()):
            await eventually(lambda: "lists no tools" in caplog.text)
            assert names(keeper) == set()
            replica.add_static(Replica("self", "h:1"), [Tool("add")])
            await eventually(lambda: names(keeper) == {"add"})


async def test_a_replica_without_discovery_is_explained_in_the_log(caplog):
    keeper = RegistryKeeper(clock)
    async with serving(Registrar(keeper, clock)) as stubs:
        configured = StaticReplica(f"127.0.0.1:{stubs.port}")
        async with running(source(keeper, configured).run()):
            await eventually(lambda: "name its tools" in caplog.text)


async def test_changed_tools_are_noticed_by_polling_and_after_a_reconnect():
    keeper, replica = RegistryKeeper(clock), RegistryKeeper(clock)
    replica.add_static(Replica("self", "h:1"), [Tool("add")])
    async with serving_tools(replica) as stubs:
        configured = StaticReplica(f"127.0.0.1:{stubs.port}")
        asking = source(keeper, configured, poll_interval=0.02)
        async with running(asking.run()):
            await eventually(lambda: names(keeper) == {"add"})
            replica.add_static(Replica("self", "h:1"), [Tool("sub")])
            await eventually(lambda: names(keeper) == {"sub"})
        patient = source(keeper, configured, poll_interval=1000.0)
        async with running(patient.run()):
            await asyncio.sleep(0.05)
            replica.add_static(Replica("self", "h:1"), [Tool("mul")])
            patient.reconnected(configured.id)
            patient.reconnected("unknown")
            await eventually(lambda: names(keeper) == {"mul"})


async def test_a_replica_that_goes_away_keeps_its_tools():
    keeper, replica = RegistryKeeper(clock), RegistryKeeper(clock)
    replica.add_static(Replica("self", "h:1"), [Tool("add")])
    async with serving_tools(replica) as stubs:
        asking = source(keeper, StaticReplica(f"127.0.0.1:{stubs.port}"), poll_interval=0.01)
        running_source = asyncio.create_task(asking.run())
        await eventually(lambda: names(keeper) == {"add"})
    await asyncio.sleep(0.05)
    assert names(keeper) == {"add"}
    assert not running_source.done()
    running_source.cancel()


async def test_a_name_stands_for_a_replica_at_each_of_its_addresses():
    keeper, hosts = RegistryKeeper(clock), ["10.0.0.1", "10.0.0.2"]

    async def resolve(host: str, port: int) -> list[str]:
        assert (host, port) == ("tools.internal", 80)
        return hosts

    following = source(keeper, StaticReplica.parse("dns:///tools.internal:80=add"), resolve=resolve)

    def endpoints() -> set[str]:
        return {each.replica.endpoint for each in keeper.registrations()}

    async with running(following.run()):
        await eventually(lambda: endpoints() == {"10.0.0.1:80", "10.0.0.2:80"})
        assert {each.replica.server_name for each in keeper.registrations()} == {"tools.internal"}
        hosts[0] = "10.0.0.3"
        following.lost("static-10.0.0.1-80")
        await eventually(lambda: endpoints() == {"10.0.0.2:80", "10.0.0.3:80"})


async def test_a_name_whose_replicas_are_asked_follows_them():
    keeper, replica = RegistryKeeper(clock), RegistryKeeper(clock)
    replica.add_static(Replica("self", "h:1"), [Tool("add")])
    hosts = ["127.0.0.9"]

    async def resolve(host: str, port: int) -> list[str]:
        return hosts

    async with serving_tools(replica) as stubs:
        configured = StaticReplica(f"dns:///tools.internal:{stubs.port}")
        async with running(source(keeper, configured, resolve=resolve).run()):
            # Nobody answers there, which has the name looked up again.
            hosts[:] = ["127.0.0.1"]
            await eventually(lambda: names(keeper) == {"add"})


async def test_replicas_of_a_file_come_change_and_go(tmp_path: Path):
    keeper, file = RegistryKeeper(clock), tmp_path / "replicas.toml"
    file.write_text('[[replica]]\nendpoint = "10.0.0.7:1"\ntools = ["add"]\nweight = 2\n')
    configured = StaticReplica("10.0.0.9:1", ("sub",))

    def weights() -> dict[str, int]:
        return {each.replica.endpoint: each.replica.weight for each in keeper.registrations()}

    async with running(source(keeper, configured, file=str(file)).run()):
        await eventually(lambda: weights() == {"10.0.0.9:1": 1, "10.0.0.7:1": 2})
        file.write_text(file.read_text().replace("weight = 2", "weight = 7"))
        await eventually(lambda: weights() == {"10.0.0.9:1": 1, "10.0.0.7:1": 7})
        file.write_text("replica = []")
        await eventually(lambda: weights() == {"10.0.0.9:1": 1})


async def test_a_name_that_leaves_the_file_takes_its_replicas_along(tmp_path: Path):
    keeper, file = RegistryKeeper(clock), tmp_path / "replicas.toml"

    async def resolve(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "10.0.0.2"]

    file.write_text('[[replica]]\nendpoint = "dns:///tools.internal:80"\ntools = ["add"]\n')
    configured = StaticReplica("10.0.0.2:80", ("add",))
    async with running(source(keeper, configured, file=str(file), resolve=resolve).run()):
        await eventually(lambda: len(keeper.registrations()) == 2)
        file.write_text("replica = []")
        # The configuration names this one too, so it stays.
        await eventually(
            lambda: [each.replica.endpoint for each in keeper.registrations()] == ["10.0.0.2:80"]
        )


async def test_what_a_source_says_of_a_replica_is_shown_at_once():
    keeper, told = RegistryKeeper(clock), asyncio.Event()
    replica = Replica("pod", "10.0.0.1:80")

    class Source:
        async def run(self, tell: Tell) -> None:
            tell([Found(replica, ("add",))])
            await told.wait()
            tell([Found(replica, ("add",), draining=True)])

        def again(self) -> None:
            pass

    async with asyncio.TaskGroup() as tasks:
        asking = Asking(lambda _replica: None, Random(1), QUICK, 1.0)
        found = FoundReplicas(keeper, asking, lambda run, _name: tasks.create_task(run))
        one = Source()
        tasks.create_task(one.run(lambda all_of_it: found.tell(one, all_of_it)))
        await eventually(lambda: [each.draining for each in keeper.registrations()] == [False])
        told.set()
        await eventually(lambda: [each.draining for each in keeper.registrations()] == [True])
        found.forget(one)
        assert keeper.registrations() == ()
