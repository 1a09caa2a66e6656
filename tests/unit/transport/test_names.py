"""NameWatch: who is told what, when lookups change, fail, and are asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from mcpmesh.model.address import Address
from mcpmesh.policy.backoff import Backoff
from mcpmesh.transport.names import NameWatch
from tests.eventually import eventually

NAME = Address("dns", "tools.internal", 80)
QUICK = Backoff(first=0.001, factor=2.0, longest=0.01, jitter=0.0)
LONG = 3600.0


class Resolver:
    """Answers what a test sets; `asked` counts."""

    def __init__(self, *hosts: str) -> None:
        self.hosts: tuple[str, ...] = hosts
        self.error: Exception | None = None
        self.asked = 0

    async def __call__(self, host: str, port: int) -> tuple[str, ...]:
        assert (host, port) == (NAME.host, NAME.port)
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.hosts


@asynccontextmanager
async def watching(
    resolver: Resolver, interval: float = LONG
) -> AsyncIterator[tuple[NameWatch, list[list[str]], list[str]]]:
    found: list[list[str]] = []
    failed: list[str] = []
    watch = NameWatch(
        NAME,
        lambda addresses: found.append([str(address) for address in addresses]),
        failed=failed.append,
        resolve=resolver,
        rng=Random(1),
        interval=interval,
        pauses=QUICK,
    )
    task = asyncio.create_task(watch.run())
    try:
        yield watch, found, failed
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_all_addresses_are_told_once():
    resolver = Resolver("10.0.0.2", "::1", "10.0.0.1", "10.0.0.1")
    async with watching(resolver, interval=0.001) as (_, found, _):
        await eventually(lambda: resolver.asked > 3)
    assert found == [["10.0.0.1:80", "10.0.0.2:80", "[::1]:80"]]


async def test_a_change_is_told_at_the_next_interval():
    resolver = Resolver("10.0.0.1")
    async with watching(resolver, interval=0.001) as (_, found, _):
        await eventually(lambda: len(found) == 1)
        resolver.hosts = ("10.0.0.2",)
        await eventually(lambda: len(found) == 2)
    assert found[1] == ["10.0.0.2:80"]


async def test_a_failed_address_brings_a_lookup_before_the_interval_is_over():
    resolver = Resolver("10.0.0.1")
    async with watching(resolver) as (watch, found, _):
        await eventually(lambda: len(found) == 1)
        resolver.hosts = ("10.0.0.2",)
        watch.again()
        await eventually(lambda: len(found) == 2)


async def test_a_resolver_that_fails_takes_nothing_away_and_is_asked_again():
    resolver = Resolver("10.0.0.1")
    async with watching(resolver) as (watch, found, failed):
        await eventually(lambda: len(found) == 1)
        resolver.error = OSError(-2, "Name or service not known")
        watch.again()
        await eventually(lambda: len(failed) > 2)
        assert len(found) == 1
        resolver.error, resolver.hosts = None, ("10.0.0.2",)
        await eventually(lambda: len(found) == 2)
    assert failed[0] == "Name or service not known"


async def test_no_address_is_a_failure():
    resolver = Resolver()
    async with watching(resolver) as (_, found, failed):
        await eventually(lambda: bool(failed))
    assert failed[0] == "it has no addresses"
    assert not found


async def test_an_outage_is_logged_once(caplog):
    resolver = Resolver("10.0.0.1")
    async with watching(resolver, interval=0.001) as (_, found, failed):
        await eventually(lambda: len(found) == 1)
        resolver.error = OSError(-2, "Name or service not known")
        await eventually(lambda: len(failed) > 3)
        said = "cannot look up dns:///tools.internal:80: Name or service not known"
        warned = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
        assert warned == [f"{said}; what it had stays"]
        # When it was there in between, it is another outage.
        resolver.error, resolver.hosts = None, ("10.0.0.2",)
        await eventually(lambda: len(found) == 2)
        resolver.error = OSError(-2, "Name or service not known")
        known = len(failed)
        await eventually(lambda: len(failed) > known + 1)
    warned = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert len(warned) == 2
