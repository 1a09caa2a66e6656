"""What a pick costs, and how long a change of the catalog takes to reach the pickers.

python -m benchmarks.balance picks: 1,000 replicas, 10,000 tools; every replica serves 1,000 of
them. Each figure is CPU time: what the work costs, not what else the machine did. Picks are timed
by pytest-benchmark (`test_picks.py`), changes here, the best of several.
"""

import asyncio
import gc
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time
from typing import Any

from benchmarks.balance.thousand import REPLICAS, replica
from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.serving import Serving
from mcpmesh.discovery.registration import Registration, RegistrationUpdated
from mcpmesh.dispatch.catalog_feed import CatalogFeed
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.tool import Tool
from mcpmesh.policy.tool_policy import ToolPolicies

TOOLS = 10_000
PER_REPLICA = 1_000
RESULTS = Path(__file__).with_name("picks.json")
_TIMED = Path(__file__).with_name("test_picks.py")
_ROUNDS = 7


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
    _progress("picks")
    picks = _us_per_pick()
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


def _us_per_pick() -> dict[str, float]:
    """Have pytest-benchmark time the picks of each policy; return their means.

    Raises: SystemExit with what it said, when one takes too long.
    """
    with TemporaryDirectory() as folder:
        found = Path(folder, "picks.json")
        argv = [sys.executable, "-m", "pytest", _TIMED, f"--benchmark-json={found}"]
        run = subprocess.run(argv, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(run.stdout + run.stderr)
        timed = json.loads(found.read_text(encoding="utf-8"))["benchmarks"]
    return {each["params"]["name"]: each["extra_info"]["us_per_pick"] for each in timed}


def _progress(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[Kmeasuring {what} ", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, and keep the results."""
    results = measure()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1))
