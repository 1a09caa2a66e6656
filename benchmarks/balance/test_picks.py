"""What a pick costs with 1,000 replicas: python -m pytest benchmarks/balance/test_picks.py.

CPU time of picks with what the policy does beside them, begins and ends of calls included; answers
to probes come between, and are not counted.
"""

from random import Random
from time import thread_time
from typing import Any

import pytest

from benchmarks.balance.thousand import candidates
from mcpmesh.balance.pickers import picker_of
from mcpmesh.balance.place import Place
from mcpmesh.balance.prequal import PrequalPicker
from mcpmesh.model.load_report import LoadReport
from mcpmesh.policy.balancing import Balancing

POLICIES = {
    "p2c": Balancing(),
    "random": Balancing(choices=1),
    "ewma": Balancing("ewma"),
    "ewma, 3 choices": Balancing("ewma", choices=3),
    "prequal": Balancing("prequal"),
    "round_robin": Balancing("round_robin"),
    "weighted": Balancing("weighted", blackout=0.0),
    "hash": Balancing("hash", key="session"),
    "p2c, zone first": Balancing(zone_first=True),
    "p2c, subset of 20": Balancing(subset=20),
}
#: Picks that are timed at once, as 1,000 calls per second make them in virtual time.
AT_ONCE = 200
MOST_US = 3.0


class Picks:
    """Picks by one policy, one batch after the other."""

    def __init__(self, name: str) -> None:
        made = candidates()
        self._picker = picker_of(POLICIES[name], made, tool="echo", place=Place("me", "a"))
        self._rng = rng = Random(2)
        self._now = 100.0
        sessions = [f"session-{number}" for number in range(5 * AT_ONCE)]
        self._keys = sessions if name == "hash" else [""] * AT_ONCE
        for each in made:
            if each.reported is not None or name == "weighted":
                self._picker.pick(rng, 0.0)
                assert each.reported is not None
                each.reported.take(LoadReport(rng.uniform(0.1, 0.9), 100.0), 0.0)

    def wait(self) -> None:
        """Let the time of a batch pass, in which answers to probes come."""
        self._now += AT_ONCE / 1000
        # The next keys.
        self._keys = self._keys[AT_ONCE:] + self._keys[:AT_ONCE]
        picker = self._picker
        if isinstance(picker, PrequalPicker):
            for _ in range(AT_ONCE):
                for each in picker.to_ask(self._rng):
                    picker.pool.add(each, each.in_flight, self._rng.random(), self._now)

    def make(self) -> None:
        """Pick a batch."""
        pick, rng, now, keys = self._picker.pick, self._rng, self._now, self._keys
        for number in range(AT_ONCE):
            pick(rng, now, (), keys[number])


@pytest.mark.benchmark(timer=thread_time)
@pytest.mark.parametrize("name", POLICIES)
def test_a_pick_costs_at_most_3_us(benchmark: Any, name: str) -> None:
    picks = Picks(name)
    benchmark.pedantic(picks.make, setup=picks.wait, rounds=300, iterations=1, warmup_rounds=20)
    cost = benchmark.stats.stats.mean / AT_ONCE * 1e6
    benchmark.extra_info["us_per_pick"] = round(cost, 2)
    assert cost <= MOST_US
