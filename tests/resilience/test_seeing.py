"""What the mesh did about its replicas can be seen."""

import asyncio

from benchmarks.balance.proxy import PASS
from tests.resilience.proxied import BLACK_HOLE, ask, mesh


async def test_replicas_are_shown_with_their_health_and_their_share() -> None:
    async with mesh() as all_of:
        for _ in range(30):
            await ask(all_of.client)
        shown = await all_of.client.list_replicas("ask")
        assert {each.health for each in shown} == {"HEALTHY"}
        recents = [each.recent for each in shown]
        assert sum(recent.picks for recent in recents if recent) == 30
        assert abs(sum(recent.pick_ratio for recent in recents if recent) - 1.0) < 1e-9
        assert all(recent and recent.mean_time and recent.success_ratio == 1 for recent in recents)


async def test_a_tool_is_explained_by_its_replicas_and_the_last_picks() -> None:
    async with mesh() as all_of:
        all_of.proxies[0].do(BLACK_HOLE)
        await asyncio.gather(*(ask(all_of.client) for _ in range(20)))
        said = await all_of.client.explain_tool("ask")
        assert said.policy == "p2c"
        assert said.summary == "2 of 3 replicas take calls."
        assert [each.takes_calls for each in said.ranking] == [True, True, False]
        hung = said.ranking[-1]
        assert hung.replica.replica.endpoint == all_of.proxies[0].endpoint
        assert hung.reason == "does not answer"
        moved = [pick for pick in said.picks if pick.attempt == 2]
        assert moved
        assert all("Unanswered" in pick.reason for pick in moved)
        all_of.proxies[0].do(PASS)
        await all_of.becomes("PROBATION", "HEALTHY", "HEALTHY")
        said = await all_of.client.explain_tool("ask")
        reason = "takes one call at a time, to prove itself: did not answer for a while"
        assert said.ranking[-1].reason == reason
