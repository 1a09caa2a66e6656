"""A replica that does not answer gets no calls, and those it had are tried elsewhere."""

import asyncio
from collections import Counter

import pytest

from benchmarks.balance.proxy import PASS
from mcpmesh.errors import MeshError
from tests.resilience.proxied import BLACK_HOLE, all_ready, ask, mesh


async def test_calls_that_may_be_repeated_leave_a_replica_that_hangs() -> None:
    async with mesh() as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        answers = await asyncio.gather(*(ask(all_of.client) for _ in range(300)))
        # Also when more are stuck there than retries of other kinds may be made at once.
        assert set(answers) == {"r1", "r2"}
        assert all_of.labels() == ["SILENT", "HEALTHY", "HEALTHY"]


async def test_a_replica_that_answers_again_proves_itself_and_returns() -> None:
    async with mesh('{"slow_start": 0}') as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        await asyncio.gather(*(ask(all_of.client) for _ in range(20)))
        all_of.proxies[0].do(PASS)
        await all_of.becomes("PROBATION", "HEALTHY", "HEALTHY")
        counts = Counter([await ask(all_of.client) for _ in range(60)])
        assert counts["r0"] > 3
        assert all_of.labels() == ["HEALTHY"] * 3


async def test_a_call_that_may_not_be_repeated_waits_for_a_replica_that_comes_back() -> None:
    async with mesh() as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        calls = [asyncio.create_task(ask(all_of.client, "act")) for _ in range(20)]
        await all_of.becomes("SILENT", "HEALTHY", "HEALTHY")
        stuck = [call for call in calls if not call.done()]
        assert stuck
        all_of.proxies[0].do(PASS)
        assert {await call for call in stuck} == {"r0"}


async def test_a_connection_that_stays_silent_is_ended_and_made_again() -> None:
    async with mesh('{"silence": 0.5, "keepalive": 1.0, "slow_start": 0}') as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        calls = [asyncio.create_task(ask(all_of.client, "act")) for _ in range(20)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        lost = [str(each) for each in ended if isinstance(each, MeshError)]
        assert lost
        assert all("did not answer for 1" in each for each in lost)
        all_of.proxies[0].do(PASS)
        await all_ready(all_of.client, 3)
        counts = Counter([await ask(all_of.client) for _ in range(60)])
        assert counts["r0"] > 3


async def test_the_only_replica_keeps_its_calls_however_long_it_is_silent() -> None:
    async with mesh(count=1) as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        calls = [asyncio.create_task(ask(all_of.client)) for _ in range(5)]
        await all_of.becomes("SILENT")
        calls.append(asyncio.create_task(ask(all_of.client)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(calls[-1]), 0.2)
        all_of.proxies[0].do(PASS)
        assert await asyncio.gather(*calls) == ["r0"] * 6
