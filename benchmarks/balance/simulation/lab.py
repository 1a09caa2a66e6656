"""Runs all scenarios and writes results, pictures and the tables of docs/balancing.md."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.balance.simulation import supermarket
from benchmarks.balance.simulation.pictures import draw_scenario, draw_supermarket
from benchmarks.balance.simulation.report import (
    cell_summary,
    picks_table,
    scenario_table,
    summary,
    supermarket_table,
)
from benchmarks.balance.simulation.run import run
from benchmarks.balance.simulation.scenario import SCENARIOS, read_scenario

ROOT = Path(__file__).parents[3]
RESULTS = SCENARIOS.parent / "simulation.json"
PAGE = ROOT / "docs" / "balancing.md"
PICTURES = ROOT / "docs" / "images"
#: What `python -m benchmarks.balance picks` measured.
PICKED = SCENARIOS.parent / "picks.json"
PICKS = """### What a pick costs

Mean CPU time with 1,000 replicas and 10,000 tools, from `python -m benchmarks.balance picks`, which
has pytest-benchmark time them (`python -m pytest benchmarks/balance/test_picks.py`)."""
BEGIN, END = "<!-- simulation:begin -->", "<!-- simulation:end -->"
#: In the order of the page.
ORDER = ("slow_pair", "busy", "fast_failures", "black_hole", "slowdown", "zone_down")
SUPERMARKET = "supermarket"


def simulate(names: Iterable[str]) -> None:
    """Run the named scenarios, all when there are none, and write what came out."""
    wanted = set(names) or {SUPERMARKET, *ORDER}
    if unknown := wanted - {SUPERMARKET, *ORDER}:
        sys.exit(f"no scenario {', '.join(sorted(unknown))}; there are {SUPERMARKET}, {_listed()}")
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if SUPERMARKET in wanted:
        cells = [cell_summary(cell) for cell in supermarket.table()]
        results[SUPERMARKET] = cells
        draw_supermarket(cells, PICTURES / "balance-supermarket.png")
        print(f"{supermarket_table(cells)}\n")
    for name in ORDER:
        if name in wanted:
            results[name] = _scenario(name)
            print(f"{results[name]['title']}\n{scenario_table(results[name])}\n")
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    write_page(results)


def _scenario(name: str) -> dict[str, Any]:
    scenario = read_scenario(SCENARIOS / f"{name}.toml")
    seen = {policy: run(scenario, settings) for policy, settings in scenario.policies.items()}
    draw_scenario(scenario, seen, PICTURES / f"balance-{name}.png")
    return {
        "title": scenario.title,
        "about": scenario.about,
        "shown": list(scenario.shown),
        "policies": {policy: summary(scenario, each) for policy, each in seen.items()},
    }


def write_page(results: dict[str, Any]) -> None:
    """Put the tables between the markers of docs/balancing.md."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{page_part(results)}\n{END}{after}", encoding="utf-8")


def page_part(results: dict[str, Any]) -> str:
    """Return what stands between the markers."""
    parts = []
    for name in ORDER:
        if name in results:
            each = results[name]
            parts += [
                f"### {each['title']}",
                each["about"],
                scenario_table(each),
                f"![{each['title']}](images/balance-{name}.png)",
            ]
    parts += [PICKS, picks_table(json.loads(PICKED.read_text(encoding="utf-8")))]
    if SUPERMARKET in results:
        parts += [
            "### The supermarket model",
            "Each cell: the mean time in system that theory says, the simulated one with its 95 % "
            "confidence interval, and how far it is off.",
            supermarket_table(results[SUPERMARKET]),
            "![The supermarket model](images/balance-supermarket.png)",
        ]
    return "\n\n".join(parts)


def _listed() -> str:
    return ", ".join(ORDER)
