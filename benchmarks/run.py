"""Runs the benchmarks and writes their results: python -m benchmarks.run [NAME ...]."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import (
    bridge,
    client,
    direct,
    fairness,
    footprint,
    hop,
    listing,
    memory,
    server,
    soak,
    stream,
    ticking,
)
from benchmarks.harness.bench import Bench
from benchmarks.harness.machine import busy_now, machine, versions
from benchmarks.harness.peers import install_peers
from benchmarks.harness.process import ROOT, WORK, Failed

BENCHMARKS: dict[str, Callable[[Bench], None]] = {
    "hop": hop.run,
    "server": server.run,
    "client": client.run,
    "direct": direct.run,
    "stream": stream.run,
    "bridge": bridge.run,
    "listing": listing.run,
    "ticking": ticking.run,
    "memory": memory.run,
    "footprint": footprint.run,
    "fairness": fairness.run,
    "soak": soak.run,
}
#: These compare with what is installed for it.
_WITH_PEERS = {"hop", "stream", "bridge"}
RESULTS = ROOT / "benchmarks" / "results.json"
_QUICK_RESULTS = WORK / "quick.json"
_CALM = 0.1


def main() -> None:
    """Run what the command line asks for."""
    asked = _arguments()
    if sys.platform != "linux":
        raise SystemExit("the benchmarks read /proc: they need Linux")
    WORK.mkdir(exist_ok=True)
    names = asked.names or list(BENCHMARKS)
    output = asked.output or (_QUICK_RESULTS if asked.quick else RESULTS)
    if _WITH_PEERS & set(names):
        install_peers(print)
    results = _kept(output, asked.quick)
    for name in names:
        busy = busy_now()
        if busy > _CALM:
            print(f"{name}: others use {busy:.0%} of this machine; the numbers will suffer")
        bench = Bench(name, asked.rounds, asked.quick)
        try:
            BENCHMARKS[name](bench)
        except Failed as error:
            raise SystemExit(f"{name}: {error}") from error
        results["versions"] = versions()
        results["benchmarks"][name] = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "mcpmesh": results["versions"]["mcpmesh"],
            "rounds": bench.rounds,
            "busy_before": round(busy, 3),
            "skipped": bench.skipped,
            "cases": bench.cases,
        }
        # After each, so that a run cut short keeps what it has.
        output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(f"written: {output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"which to run, all by default: {', '.join(BENCHMARKS)}")  # fmt: skip
    parser.add_argument("--rounds", type=int, help="rounds of each (5; 1 with --quick)")
    parser.add_argument("--quick", action="store_true",
                        help="small loads, to see that it works; not to be published")  # fmt: skip
    parser.add_argument("--output", type=Path, help=f"results file ({RESULTS.name})")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    asked.rounds = asked.rounds or (1 if asked.quick else 5)
    return asked


def _kept(output: Path, quick: bool) -> dict[str, Any]:
    """Return the results to add to: those of this machine that are there, or none."""
    empty = {"machine": machine(), "quick": quick, "versions": {}, "benchmarks": {}}
    if not output.exists():
        return empty
    found: dict[str, Any] = json.loads(output.read_text())
    same = found["machine"] == empty["machine"] and found["quick"] == quick
    return found if same else empty


if __name__ == "__main__":
    main()
