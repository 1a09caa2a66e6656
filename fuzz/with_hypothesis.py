"""Fuzzes one target with hypothesis, where atheris has no wheel: nothing steers by coverage.

python -m fuzz.with_hypothesis TARGET SECONDS CRASHES
Prints what libFuzzer prints, as far as a run reads it.
"""

import hashlib
import sys
import time
import traceback
from importlib import import_module
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.corpus import inputs

_ROUND = 200


def main() -> None:
    """Run rounds of examples until the time is over or one fails."""
    name, seconds, crashes = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    check = import_module(f"fuzz.targets.{name}").check
    known = sorted(inputs(name).values())
    end = time.monotonic() + seconds
    runs = rounds = 0
    data = b""

    def one(drawn: bytes) -> None:
        nonlocal runs, data
        runs += 1
        data = drawn
        check(drawn)

    while time.monotonic() < end:
        rounds += 1
        try:
            seed(rounds)(
                settings(
                    max_examples=_ROUND, deadline=None, database=None, phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )(given(_drawn(known))(one))
            )()  # fmt: skip
        except BaseException:
            traceback.print_exc()
            crash = crashes / f"crash-{hashlib.sha1(data).hexdigest()}"
            crash.write_bytes(data)
            sys.exit(77)
        print(f"#{runs}\tPULSE cov: 0 ft: 0 corp: {len(known)}/0b", file=sys.stderr, flush=True)


def _drawn(known: list[bytes]) -> st.SearchStrategy[bytes]:
    """Draw bytes, or known inputs with some bytes replaced."""
    return st.binary(max_size=2_000) | st.builds(
        _spliced, st.sampled_from(known), st.integers(0, 2_000), st.integers(0, 4),
        st.binary(max_size=40),
    )  # fmt: skip


def _spliced(data: bytes, at: int, cut: int, put: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + put + data[at + cut :]


if __name__ == "__main__":
    main()
