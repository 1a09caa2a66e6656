"""fairness: how small calls fare beside a huge stream, on its connection and on another."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial

from benchmarks.harness.bench import Bench
from benchmarks.harness.process import ROOT, Failed, Processes, clean_environment
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import OURS, start_hops

_CALLER = ROOT / "benchmarks" / "programs" / "neighbour.py"
_TIME_LIMIT = 300
#: A consumer of 20 MB/s, and one that takes all that it can.
_SPEEDS = {"at 20 MB/s": 20_000_000, "at full speed": 0}
ALONE, ELSEWHERE, BESIDE = "alone", "stream on another connection", "stream on the same connection"


def run(bench: Bench) -> None:
    """Measure one small call in flight: alone, and beside an endless stream of 64 KiB messages."""
    with Processes() as processes:
        port = start_hops(bench, processes, (OURS,))[OURS].port
        calls = bench.amount(2000, 200)
        for speed, rate in _SPEEDS.items():
            places: dict[str, Callable[[], Metrics]] = {
                ALONE: partial(_calls, port, calls, "none", rate),
                ELSEWHERE: partial(_calls, port, calls, "another", rate),
                BESIDE: partial(_calls, port, calls, "same", rate),
            }
            bench.compare(f"small calls beside a stream {speed}", places, ours=ALONE)


def _calls(port: int, calls: int, where: str, bytes_per_second: int) -> Metrics:
    done = subprocess.run(
        [sys.executable, _CALLER, f"127.0.0.1:{port}", where, str(calls), str(bytes_per_second)],
        capture_output=True,
        text=True,
        timeout=_TIME_LIMIT,
        env=clean_environment(),
        check=False,
    )
    if done.returncode:
        raise Failed(f"neighbour: {done.stderr[-2000:]}")
    measured: Metrics = json.loads(done.stdout)
    return measured
