"""What a pick costs, and how long a change of the catalog takes to reach the pickers.

python -m benchmarks.balance picks: 1,000 replicas, 10,000 tools; every replica serves 1,000 of
them. Each figure is CPU time, the best of several rounds: what the work costs, not what else the
machine did.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from time import thread_time
from typing import Any

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.picker import Picker
from mcpmesh.balance.pickers import picker_of
from mcpmesh.balance.place import Place
from mcpmesh.balance.prequal import PrequalPicker
from mcpmesh.balance.serving import Serving
from mcpmesh.discovery.registration import Registration, RegistrationUpdated
from mcpmesh.dispatch.catalog_feed import CatalogFeed
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.load_report import LoadReport
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.balancing import Balancing
from mcpmesh.policy.tool_policy import ToolPolicies

REPLICAS = 1_000
TOOLS = 10_000
PER_REPLICA = 1_000
RESULTS = Path(__file__).with_name("picks.json")
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
_ROUNDS = 7
_PICKS = 20_000


def replica(number: int) -> Replica:
    """Make a replica; every third is in our zone."""
    zone = "a" if number % 3 == 0 else "b"
    return Replica(f"r{number:04}", f"10.0.{number // 250}.{number % 250}:1", labels={"zone": zone})


def candidates() -> tuple[Candidate, ...]:
    """Make candidates with calls in flight, estimates and reports."""
    rng = Random(1)
    made = []
    for number in range(REPLICAS):
        each = Candidate(replica(number))
        each.connection = object()
        each.in_flight = rng.randrange(8)
        made.append(each)
    return tuple(made)


def cost_of(name: str, settings: Balancing) -> float:
    """Return µs per pick, with what the policy does beside it: begin, end, answers that come."""
    made = candidates()
    picker = picker_of(settings, made, tool="echo", place=Place("me", "a"))
    rng = Random(2)
    for each in made:
        if each.reported is not None or name == "weighted":
            picker.pick(rng, 0.0)
            assert each.reported is not None
            each.reported.take(LoadReport(rng.uniform(0.1, 0.9), 100.0), 0.0)
    keys = [f"session-{number}" for number in range(1000)] if name == "hash" else [""]
    return min(_round(picker, rng, keys) for _ in range(_ROUNDS)) * 1e6


def _round(picker: Picker, rng: Random, keys: Sequence[str]) -> float:
    """Return seconds per pick. Answers to probes come between, and are not counted."""
    pool = picker.pool if isinstance(picker, PrequalPicker) else None
    pick, spent, count, now = picker.pick, 0.0, len(keys), 100.0
    batch = 200
    for start in range(0, _PICKS, batch):
        # 1,000 calls per second in virtual time.
        now += batch / 1000
        if pool is not None:
            assert isinstance(picker, PrequalPicker)
            for _ in range(batch):
                for each in picker.to_ask(rng):
                    pool.add(each, each.in_flight, rng.random(), now)
        begun = thread_time()
        for number in range(start, start + batch):
            pick(rng, now, (), keys[number % count])
        spent += thread_time() - begun
    return spent / _PICKS


def tools_of(number: int) -> tuple[Tool, ...]:
    """Return a replica's tools: of ten groups, one."""
    group = number % (TOOLS // PER_REPLICA)
    return tuple(Tool(f"tool-{group}-{index}", version="1") for index in range(PER_REPLICA))


class Mesh:
    """A catalog of that size, and its routes as a router's pool builds them."""

    def __init__(self) -> None:
        self.tools = [tools_of(number) for number in range(TOOLS // PER_REPLICA)]
        self.feed = CatalogFeed("bench", 1)
        self.candidates: dict[str, Candidate] = {}
        self.routes = Routes()
        self.policies = ToolPolicies({"*": {"balance": "ewma"}})
        self.version = 1
        self.told = 0
        registrations = []
        for number in range(REPLICAS):
            each = replica(number)
            made = self.candidates[each.id] = Candidate(each)
            made.connection = object()
            registrations.append(Registration(each, self._tools(number)))
        self.serving = Serving()
        self.feed.replace("bench", 1, registrations)
        self.feed.listen(self._rebuild)
        self._watching = self.feed.watch()
        self.watch = self._watching.__enter__()

    def _tools(self, number: int) -> tuple[Tool, ...]:
        return self.tools[number % len(self.tools)]

    def _rebuild(self, catalog: Catalog, changed: frozenset[str]) -> None:
        self.serving.follow(catalog, changed)
        self.routes = updated(self.routes, catalog, changed, self.candidates, self.policies)

    def change(self, number: int, tools: tuple[Tool, ...] | None = None) -> float:
        """Let a replica drain, or change its tools; return seconds until the routes know."""
        self.version += 1
        known = Registration(replica(number), self._tools(number))
        after = replace(known, tools=tools) if tools is not None else replace(known, draining=True)
        begun = thread_time()
        self.feed.apply([RegistrationUpdated(self.version, after)])
        spent = thread_time() - begun
        self.told = len(asyncio.run(self.watch.step()).changes)
        self.version += 1
        self.feed.apply([RegistrationUpdated(self.version, known)])
        asyncio.run(self.watch.step())
        return spent


def measure() -> dict[str, Any]:
    """Measure everything. Units: as the keys say."""
    picks = {}
    for name, settings in POLICIES.items():
        _progress(name)
        picks[name] = round(cost_of(name, settings), 2)
    _progress("catalog")
    mesh = Mesh()
    gc.collect()
    gc.freeze()
    one = Tool("tool-new", version="1")
    changes = {
        "a replica brings one tool more": lambda n: mesh.change(n, (*mesh.tools[n % 10], one)),
        "a replica of 1,000 tools drains": mesh.change,
    }
    reach = {}
    for name, change in changes.items():
        best = min(change(number) for number in range(_ROUNDS))
        reach[name] = {"ms_until_routes": round(best * 1e3, 2), "watchers_told": mesh.told}
    return {
        "replicas": REPLICAS,
        "tools": TOOLS,
        "us_per_pick": picks,
        "changes": reach,
    }


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[Kmeasuring {what} ", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, and keep the results."""
    results = measure()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))
