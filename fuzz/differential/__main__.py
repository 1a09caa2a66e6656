"""Holds the engine against h2 and hpack: python -m fuzz.differential [--frames N] [--seed N].

Random connections in both roles; half of them get a spoilt frame in the end. Both sides must
take or refuse the same frames and tell the same, but for the differences in known.py.
"""

import argparse
import time

from fuzz.differential.connections import run

_EVERY = 5.0


def main() -> None:
    """Run what the command line asks for; a difference ends it with its story and exit code 1."""
    parser = argparse.ArgumentParser(prog="make differential ARGS=…", description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the one connection of this number")
    asked = parser.parse_args()
    began = time.monotonic()
    shown = began

    def progress(frames: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown > _EVERY:
            shown = now
            rate = frames / (now - began)
            print(f"{frames:,} of {asked.frames:,} frames, {rate:,.0f} per second", flush=True)

    counts = run(asked.seed, asked.frames, only=asked.only, progress=progress)
    print(counts.report(time.monotonic() - began))
    if counts.differences:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
