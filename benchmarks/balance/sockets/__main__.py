"""python -m benchmarks.balance.sockets [SCENARIO …] [--policy NAME] [--seconds N]

A whole run keeps its results, draws its pictures, and writes the tables of docs/health.md.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from typing import Any

from benchmarks.balance.sockets.pictures import draw
from benchmarks.balance.sockets.report import write
from benchmarks.balance.sockets.restart import run_restart
from benchmarks.balance.sockets.run import run_policy
from benchmarks.balance.sockets.scenario import SCENARIOS, read_scenario
from benchmarks.harness.machine import machine
from benchmarks.harness.process import ROOT

RESULTS = ROOT / "benchmarks" / "balance" / "sockets.json"
PICTURES = ROOT / "docs" / "images"
RESTART = "rolling_restart"


async def main() -> None:
    """Run what is asked, print it, and keep it beside what was run before."""
    names = [*(path.stem for path in sorted(SCENARIOS.glob("*.toml"))), RESTART]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", choices=[[], *names], default=[])
    parser.add_argument("--policy", help="only this one")
    parser.add_argument("--seconds", type=float, help="shorter runs; nothing is kept")
    asked = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in asked.scenario or names:
        results[name] = await _run(name, asked.policy, asked.seconds)
    if asked.seconds is None and asked.policy is None:
        results["machine"] = machine()
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        write()


async def _run(name: str, policy: str | None, seconds: float | None) -> dict[str, Any]:
    if name == RESTART:
        found = await run_restart(**({} if seconds is None else {"stream_seconds": seconds}))
        _print(f"{name}: {json.dumps(found, indent=1)}")
        return found
    scenario = read_scenario(SCENARIOS / f"{name}.toml")
    if seconds is not None:
        scenario = replace(scenario, seconds=seconds)
    runs = {}
    for each, settings in scenario.policies.items():
        if policy in (None, each):
            runs[each] = await run_policy(scenario, settings)
            _print(f"{name}, {each}: {json.dumps(runs[each].summary, indent=1)}")
    if seconds is None and policy is None:
        draw(scenario, runs, PICTURES / f"sockets-{name}.png")
    return {
        "title": scenario.title,
        "policies": {each: one.summary for each, one in runs.items()},
    }


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
