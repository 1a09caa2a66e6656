"""SRV records are followed: ports, weights, priorities, and changes when they get old."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import dns.rcode
import pytest

from mcpmesh.config import InvalidSetting, StaticReplica
from mcpmesh.errors import InvalidCall
from mcpmesh.model.srv_name import SrvName
from mcpmesh.policy.backoff import Backoff
from mcpmesh.router import optional_source
from mcpmesh.router.srv_source import SrvSource, share
from mcpmesh.transport.srv import LookupFailed, SrvLookup
from tests.eventually import eventually
from tests.unit.router.name_server import Zone, name_server
from tests.unit.router.serving import Told, running

NAME = "_grpc._tcp.tools.example."
QUICK = Backoff(first=0.01, longest=0.05)


@asynccontextmanager
async def following(zone: Zone, least: float = 0.02) -> AsyncIterator[tuple[SrvSource, Told]]:
    name = StaticReplica(f"srv://127.0.0.1:{zone.port}/{NAME}", ("add",))
    source, told = SrvSource(name, Random(1), least=least, pauses=QUICK), Told()
    async with running(source.run(told)):
        yield source, told


async def test_ports_weights_and_priorities_are_those_of_the_records():
    async with name_server() as zone:
        zone.put(
            NAME, "SRV", "10 60 7001 a.example.", "10 20 7002 b.example.", "20 0 7003 c.example."
        )
        zone.put("a.example.", "A", "10.0.0.1", "10.0.0.2")
        zone.put("b.example.", "AAAA", "fd00::1")
        zone.put("c.example.", "A", "10.0.0.3")
        async with following(zone) as (_, told):
            await eventually(lambda: told.times == 1)
    seen = [
        (each.replica.endpoint, each.replica.weight, each.replica.labels["priority"])
        for each in told.found
    ]
    assert seen == [
        ("10.0.0.1:7001", 60, "10"),
        ("10.0.0.2:7001", 60, "10"),
        ("[fd00::1]:7002", 20, "10"),
        ("10.0.0.3:7003", 1, "20"),
    ]
    assert {each.replica.server_name for each in told.found} == {"tools.example"}
    assert {each.tools for each in told.found} == {("add",)}


async def test_records_are_asked_for_again_when_they_are_old():
    async with name_server() as zone:
        zone.put("a.example.", "A", "10.0.0.1", ttl=0)
        zone.put(NAME, "SRV", "0 0 1 a.example.", ttl=0)
        async with following(zone) as (_, told):
            await eventually(lambda: told.endpoints == ["10.0.0.1:1"])
            zone.put("a.example.", "A", "10.0.0.2", ttl=0)
            await eventually(lambda: told.endpoints == ["10.0.0.2:1"])
            # A lone root: the service is not there, on purpose.
            zone.put(NAME, "SRV", "0 0 0 .", ttl=0)
            await eventually(lambda: told.endpoints == [])


async def test_a_lost_replica_has_the_name_asked_for_before_its_time():
    async with name_server() as zone:
        zone.put("a.example.", "A", "10.0.0.1", ttl=3600)
        zone.put(NAME, "SRV", "0 0 1 a.example.", ttl=3600)
        async with following(zone) as (source, told):
            await eventually(lambda: told.endpoints == ["10.0.0.1:1"])
            zone.put(NAME, "SRV", "0 0 2 a.example.", ttl=3600)
            source.again()
            await eventually(lambda: told.endpoints == ["10.0.0.1:2"])


async def test_what_was_known_stays_while_nobody_answers(caplog: pytest.LogCaptureFixture):
    async with name_server() as zone:
        zone.put("a.example.", "A", "10.0.0.1", ttl=0)
        zone.put(NAME, "SRV", "0 0 1 a.example.", ttl=0)
        async with following(zone) as (_, told):
            await eventually(lambda: told.times == 1)
            zone.rcode = dns.rcode.SERVFAIL
            await eventually(lambda: "cannot answer; what it had stays" in caplog.text)
            asked = zone.asked["SRV"]
            await eventually(lambda: zone.asked["SRV"] > asked + 3)
            assert caplog.text.count("cannot look up") == 1
            zone.rcode = dns.rcode.NOERROR
            zone.put(NAME, "SRV", "0 0 2 a.example.", ttl=0)
            await eventually(lambda: told.endpoints == ["10.0.0.1:2"])
    assert told.times == 2


async def test_the_shortest_ttl_counts_and_added_addresses_are_not_asked_for():
    async with name_server() as zone:
        zone.put("a.example.", "A", "10.0.0.1", ttl=7)
        zone.put(NAME, "SRV", "0 0 1 a.example.", ttl=30)
        zone.added.append(("a.example.", "A"))
        answer = await SrvLookup(SrvName(NAME[:-1], "127.0.0.1", zone.port)).ask()
        assert answer.ttl == 7
        assert [str(each.address) for each in answer.targets] == ["10.0.0.1:1"]
        assert dict(zone.asked) == {"SRV": 1}


async def test_an_answer_that_is_too_long_comes_over_tcp():
    async with name_server() as zone:
        zone.put(NAME, "SRV", *(f"0 0 {port} a.example." for port in range(1, 101)))
        zone.put("a.example.", "A", "10.0.0.1")
        answer = await SrvLookup(SrvName(NAME[:-1], "127.0.0.1", zone.port)).ask()
    assert len(answer.targets) == 100
    assert zone.over_tcp == 1


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ({}, "no such name"),
        ({(NAME, "A"): (1, ["10.0.0.1"])}, "no SRV records"),
        ({(NAME, "SRV"): (1, ["0 0 1 gone.example."])}, "targets have no addresses"),
    ],
)
async def test_why_there_is_no_answer(
    records: dict[tuple[str, str], tuple[int, list[str]]], reason: str
):
    async with name_server() as zone:
        zone.records.update(records)
        with pytest.raises(LookupFailed, match=reason):
            await SrvLookup(SrvName(NAME[:-1], "127.0.0.1", zone.port)).ask()


@pytest.mark.parametrize(
    ("weight", "heaviest", "expected"),
    [(0, 0, 1), (5, 10, 5), (1000, 1000, 1000), (65535, 65535, 1000), (6554, 65535, 100)],
)
def test_weights_keep_their_proportion(weight: int, heaviest: int, expected: int):
    assert share(weight, heaviest) == expected


@pytest.mark.parametrize(
    ("text", "name", "server", "domain"),
    [
        ("srv:///_grpc._tcp.tools.example", "_grpc._tcp.tools.example", "", "tools.example"),
        ("srv://10.0.0.2/_a._tcp.x.", "_a._tcp.x", "10.0.0.2:53", "x"),
        ("srv://[fd00::2]:8600/tools.consul", "tools.consul", "[fd00::2]:8600", "tools.consul"),
    ],
)
def test_names_are_read(text: str, name: str, server: str, domain: str):
    read = SrvName.parse(text)
    assert (read.name, read.domain) == (name, domain)
    assert str(read) == f"srv://{server}/{name}"


@pytest.mark.parametrize(
    "text",
    ["srv:_grpc._tcp.x", "srv:///", "srv:///_grpc._tcp", "srv:///a..b", "srv://host/_a._tcp.x",
     "srv://10.0.0.1:0/_a._tcp.x", "srv:///" + "a" * 64 + ".x"],
)  # fmt: skip
def test_names_that_cannot_be_are_refused(text: str):
    with pytest.raises(InvalidCall):
        SrvName.parse(text)
    with pytest.raises(InvalidSetting, match="static"):
        StaticReplica(text)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(optional_source, "find_spec", lambda _package: None)
    with pytest.raises(InvalidSetting, match=r"needs dnspython: pip install 'mcpmesh\[srv\]'"):
        optional_source.OptionalSource(StaticReplica("srv:///_grpc._tcp.x"), Random(1))
