"""Fuzzes all targets, or some, one after the other: python -m fuzz [--seconds N] [--target NAME].

Coverage-guided by atheris where it is installed, else by hypothesis.
"""

import argparse
import sys
import time
from importlib.util import find_spec

from fuzz import corpus
from fuzz.run import Tally, run

_EVERY = 5.0


def main() -> None:
    """Run what the command line asks for; the exit code is 1 when something was found."""
    asked = _arguments()
    engine = asked.engine or ("atheris" if find_spec("atheris") else "hypothesis")
    if not asked.engine and engine == "hypothesis":
        print(
            "atheris has no wheel for this Python, so hypothesis makes the inputs and nothing "
            "steers by coverage; on Linux, Python 3.11 to 3.13 have one"
        )
    targets = asked.target or corpus.TARGETS
    shares = {target: corpus.share(target) for target in targets}
    print(f"{len(targets)} targets, {asked.seconds:.0f} s together, by {engine}", flush=True)
    tallies = []
    for target in targets:
        seconds = asked.seconds * shares[target] / sum(shares.values())
        tally, shown = run(target, seconds, engine, _Progress(seconds))
        tallies.append(tally)
        print(_line(tally), flush=True)
        for path in tally.found:
            print(f"  found: {path}")
        for line in shown:
            print(f"  | {line}")
        if asked.keep:
            print(f"  {corpus.keep(target)} inputs kept")
    print(_table(tallies))
    if any(tally.found for tally in tallies):
        print("\nCopy a case to fuzz/found/TARGET/what_it_shows.bin: make test replays it there.")
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--target", action="append", choices=corpus.TARGETS, help="may repeat")
    parser.add_argument("--engine", choices=("atheris", "hypothesis"))
    parser.add_argument(
        "--keep", action="store_true", help="write a small corpus of this run to fuzz/corpus"
    )
    return parser.parse_args()


class _Progress:
    """Prints how a target stands, every few seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + _EVERY

    def __call__(self, tally: Tally) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            print(f"{_line(tally)}, {tally.seconds:.0f} of {self._seconds:.0f} s", flush=True)


def _line(tally: Tally) -> str:
    return (
        f"{tally.target:<13} {tally.runs:>9,} executions, corpus {tally.corpus:>5,}, "
        f"coverage {tally.coverage:>5,}, found {len(tally.found)}"
    )


def _table(tallies: list[Tally]) -> str:
    rows = [
        "",
        "| target | seconds | executions | per second | corpus | coverage | found |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    rows += [
        f"| {tally.target} | {tally.seconds:.0f} | {tally.runs:,} | {tally.rate:,.0f} "
        f"| {tally.corpus:,} | {tally.coverage:,} | {len(tally.found)} |"
        for tally in tallies
    ]
    total = sum(tally.runs for tally in tallies)
    found = sum(len(tally.found) for tally in tallies)
    seconds = sum(tally.seconds for tally in tallies)
    rows.append(f"| **all** | {seconds:.0f} | {total:,} | | | | {found} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
