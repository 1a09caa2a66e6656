"""Runs a scenario with one policy, and says what callers saw."""

import logging
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.balance.simulation.replica import Replica
from benchmarks.balance.simulation.router import Router, SimulatedCall
from benchmarks.balance.simulation.scenario import Scenario
from benchmarks.balance.simulation.virtual_loop import VirtualLoop


@dataclass(slots=True)
class Seen:
    """What callers saw with one policy, after the warm-up.

    Units: `latencies` in seconds, sorted; `timeline` has latencies and failures by second.
    """

    latencies: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    picks: Counter[int] = field(default_factory=Counter)
    calls: int = 0
    attempts: int = 0
    timeline: dict[int, list[float]] = field(default_factory=dict)
    picks_by_second: dict[int, Counter[int]] = field(default_factory=dict)

    def quantile(self, share: float) -> float:
        """Return the latency that this share of the calls stayed below, failed ones included."""
        if not self.latencies:
            return float("nan")
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def run(scenario: Scenario, settings: dict[str, Any]) -> Seen:
    """Run a scenario in virtual time, without the product's log."""
    log = logging.getLogger("mcpmesh")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        return _run(scenario, settings)
    finally:
        log.setLevel(before)


def _run(scenario: Scenario, settings: dict[str, Any]) -> Seen:
    loop = VirtualLoop()
    rng = Random(scenario.seed)
    replicas = [
        Replica(
            loop,
            scenario.service,
            tuple(fault for fault in scenario.fault if number in fault.replicas),
            Random(rng.random()),
        )
        for number in range(scenario.replicas)
    ]
    settings = {**scenario.tool, **settings}
    ejects = bool(settings.pop("ejection", True))
    paces = bool(settings.pop("pace", True))
    routers = [
        Router(
            f"router-{number}",
            loop,
            replicas,
            scenario,
            settings,
            ejects,
            paces,
            Random(rng.random()),
        )
        for number in range(scenario.routers)
    ]
    seen = Seen()
    end = scenario.warmup + scenario.seconds
    _arrivals(loop, scenario, routers, Random(rng.random()), seen, end)
    step = end / 20
    for number in range(20):
        loop.run_until((number + 1) * step)
        _progress(scenario.title, number + 1)
    # Whoever waits yet may wait for the whole timeout.
    loop.run_until(end + scenario.timeout + 1)
    seen.latencies.sort()
    return seen


def _arrivals(
    loop: VirtualLoop,
    scenario: Scenario,
    routers: list[Router],
    rng: Random,
    seen: Seen,
    end: float,
) -> None:
    """Have calls come at random (a Poisson process) until the end."""

    def done(call: SimulatedCall, failure: str) -> None:
        if call.came < scenario.warmup:
            return
        took = loop.now - call.came
        second = int(call.came - scenario.warmup)
        seen.calls += 1
        seen.attempts += len(call.picked)
        seen.picks.update(call.picked)
        seen.picks_by_second.setdefault(second, Counter()).update(call.picked)
        seen.latencies.append(took)
        seen.timeline.setdefault(second, []).append(took)
        if failure:
            seen.failures[failure] += 1

    def come() -> None:
        call = SimulatedCall(loop.now, done)
        call.timeout = scenario.timeout
        router = routers[int(rng.random() * len(routers))]
        call.route = router.routes.find(call.tool)
        router.start(call)
        following = loop.now + rng.expovariate(scenario.rate)
        if following < end:
            loop.call_at(following, come)

    loop.call_at(0.0, come)


Progress = Callable[[str, int], None]


def _progress(title: str, twentieths: int) -> None:
    if sys.stderr.isatty():
        line = f"\r{title}: {5 * twentieths:3} %" if twentieths < 20 else "\r\033[K"
        print(line, end="", file=sys.stderr, flush=True)
