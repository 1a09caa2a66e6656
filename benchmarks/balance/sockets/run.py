"""Runs scenarios over real sockets, each with each of its policies, and tells what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.balance.sockets.fleet import Fleet, fleet
from benchmarks.balance.sockets.load import Load, Outcomes
from benchmarks.balance.sockets.scenario import Fault, Scenario

_LOOK = 0.25
#: Seconds after which a fault should be noticed, and the share of calls it may get from then on.
_NOTICED = 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """What the router had sent where, and what it thought, at one moment.

    Units: `at` in seconds from the beginning.
    """

    at: float
    picks: tuple[int, ...]
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A run of one policy: what is kept of it, and what pictures are drawn from."""

    summary: dict[str, Any]
    outcomes: Outcomes
    looks: list[Look]


async def run_policy(scenario: Scenario, settings: Mapping[str, Any]) -> Run:
    """Run a scenario with one policy."""
    async with fleet(scenario, settings) as running:
        load = Load(running.router, scenario.rate, scenario.timeout)
        start = time.perf_counter()
        looks: list[Look] = []
        healers = [
            asyncio.create_task(_carry_out(running, fault, start)) for fault in scenario.fault
        ]
        looking = asyncio.create_task(_look(running, start, looks))
        try:
            outcomes = await load.run(scenario.seconds, scenario.warmup)
        finally:
            for task in (*healers, looking):
                task.cancel()
            await asyncio.gather(*healers, looking, return_exceptions=True)
            await load.close()
        worked = [await each.behave() for each in running.replicas]
    return Run(_summary(scenario, outcomes, looks, worked), outcomes, looks)


async def _carry_out(running: Fleet, fault: Fault, start: float) -> None:
    """Begin a fault and end it, each at its time; end it in any case."""
    await asyncio.sleep(max(0.0, start + fault.begins - time.perf_counter()))
    try:
        for number in fault.replicas:
            await running.replicas[number].suffer(fault)
        await asyncio.sleep(max(0.0, start + fault.ends - time.perf_counter()))
    finally:
        for number in fault.replicas:
            await running.replicas[number].heal(fault)


async def _look(running: Fleet, start: float, looks: list[Look]) -> None:
    while True:
        seen = await running.seen()
        looks.append(
            Look(
                time.perf_counter() - start,
                tuple(info.picks for info in seen),
                tuple(info.health if info.state == "READY" else info.state for info in seen),
            )
        )
        await asyncio.sleep(_LOOK)


def _summary(
    scenario: Scenario, outcomes: Outcomes, looks: list[Look], worked: list[int]
) -> dict[str, Any]:
    picks = looks[-1].picks
    total = max(1, sum(picks))
    return {
        "calls": outcomes.calls,
        "left_out": outcomes.left_out,
        "p50_ms": outcomes.quantile(0.5) * 1e3,
        "p99_ms": outcomes.quantile(0.99) * 1e3,
        "p999_ms": outcomes.quantile(0.999) * 1e3,
        "failed": outcomes.failed,
        "failed_ratio": outcomes.failed / max(1, outcomes.calls),
        "failures": dict(outcomes.failures.most_common(5)),
        "picks_per_call": total / max(1, outcomes.calls + outcomes.left_out)
        if not scenario.warmup
        else None,
        "shares": [round(each / total, 4) for each in picks],
        "worked": worked,
        "faults": [
            _of_fault(fault, number, looks, scenario)
            for fault in scenario.fault
            if fault.begins > 0
            for number in fault.replicas
        ],
    }


def _of_fault(fault: Fault, number: int, looks: list[Look], scenario: Scenario) -> dict[str, Any]:
    """Tell what a broken replica got once the fault should be noticed, and when it was back."""
    during = [look for look in looks if fault.begins + _NOTICED <= look.at <= fault.ends]
    first, last = during[0].picks, during[-1].picks
    got = last[number] - first[number]
    all_got = sum(last) - sum(first)
    before = [look for look in looks if look.at <= fault.begins][-1]
    early = first[number] - before.picks[number]
    return {
        "replica": number,
        "fault": str(fault),
        "picks_until_noticed": early,
        "share_after": got / max(1, all_got),
        "picks_after": got,
        "ways": _ways(looks, number, fault.begins),
        "back_after": _back_after(looks, number, fault.ends),
        "share_at_the_end": _share(looks, number, scenario.seconds - 10.0),
    }


def _ways(looks: list[Look], number: int, since: float) -> list[str]:
    """List the conditions of a replica and when each began."""
    ways: list[str] = []
    before = ""
    for look in looks:
        state = look.states[number]
        if look.at >= since and state != before:
            ways.append(f"{look.at:.1f} s {state}")
            before = state
    return ways


def _back_after(looks: list[Look], number: int, ends: float) -> float | None:
    """Return the seconds from the end of a fault until the replica takes its calls again."""
    back = ("HEALTHY", "SLOW_START")
    return next((x.at - ends for x in looks if x.at >= ends and x.states[number] in back), None)


def _share(looks: list[Look], number: int, since: float) -> float:
    late = [look for look in looks if look.at >= since]
    total = sum(late[-1].picks) - sum(late[0].picks)
    return (late[-1].picks[number] - late[0].picks[number]) / max(1, total)
