"""memory: how far a router grows while a slow caller reads a fast stream of 1 GiB."""

import json
import time
from functools import partial

from benchmarks.harness.bench import Bench
from benchmarks.harness.cpu import rss_bytes
from benchmarks.harness.process import Processes
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import OURS, start_hops
from benchmarks.slow_reader import SlowReader
from mcpmesh.v1 import invoke_pb2

_MESSAGE_BYTES = 64 * 1024
_MESSAGES = 16_384
_BYTES_PER_SECOND = 1_000_000
_MIB = 1024 * 1024


def run(bench: Bench) -> None:
    """Measure with a caller held back by HTTP/2's windows, and by TCP alone."""
    # It compares with nobody, and takes a minute each.
    bench.rounds = 1
    seconds = bench.amount(60, 8)
    for case, wide_windows in (("slow to give credit", False), ("slow to read", True)):
        # Each router is young: one that grew before would show nothing.
        bench.compare(case, {OURS: partial(_measured, bench, seconds, wide_windows)}, ours=OURS)


def _measured(bench: Bench, seconds: int, wide_windows: bool) -> Metrics:
    asked = json.dumps({"messages": _MESSAGES, "bytes": _MESSAGE_BYTES}).encode()
    message = invoke_pb2.InvokeRequest(tool="echo", arguments=asked).SerializeToString()
    with Processes() as processes:
        hop = start_hops(bench, processes, (OURS,))[OURS]
        (pid,) = hop.pids()
        time.sleep(1)
        idle = peak = rss_bytes(pid)

        def sample() -> None:
            nonlocal peak
            peak = max(peak, rss_bytes(pid))

        reader = SlowReader(hop.port, message, _BYTES_PER_SECOND, wide_windows)
        read = reader.read(seconds, sample)
    return {
        "idle_mib": idle / _MIB,
        "peak_growth_mib": (peak - idle) / _MIB,
        "read_mb": read / 1e6,
    }
