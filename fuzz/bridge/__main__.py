"""Attacks a bridge: python -m fuzz.bridge [--seconds N] [--seed N]. Ends with 1 for a find."""

import argparse
import sys
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from fuzz.bridge.attack import Report, attack, keep, served, told
from fuzz.bridge.from_hypothesis import examples
from fuzz.bridge.lines import on_stdio


def main() -> int:
    """Spend most of the time on HTTP, the rest on hypothesis and on stdio."""
    parser = argparse.ArgumentParser(prog="make fuzz-bridge ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=Random().randrange(2**32))
    asked = parser.parse_args()
    report, extra = Report(), Report()
    print(f"{asked.seconds:g} s, seed {asked.seed}", flush=True)
    with TemporaryDirectory() as folder, served(Path(folder)) as bridge:
        examples(bridge, asked.seconds * 0.25, extra)
        print(f"{extra.requests:,} requests by hypothesis", flush=True)
        attack(bridge, asked.seconds * 0.6, asked.seed, report)
        lines = on_stdio(bridge, asked.seconds * 0.15, Random(asked.seed))
    report.found |= extra.found
    told(report, sys.stdout)
    print(lines.said)
    for path in keep(report):
        print(f"found: {path}")
    problems = [*report.problems(), *lines.problems]
    print("\n".join(problems) or "nothing found")
    if report.found:
        print("Copy a case to fuzz/found/bridge/what_it_shows.bin: make test replays it there.")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
