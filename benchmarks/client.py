"""client: rpc.Channel beside grpc.aio.insecure_channel, each in a process of its own."""

import json
import subprocess
import sys
from functools import partial

from benchmarks.harness.bench import Bench
from benchmarks.harness.process import ROOT, Failed, Processes, clean_environment
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import answer_bytes, start_replica

ENGINES = {"mcpmesh.rpc.Channel": "mcpmesh", "grpc.aio.insecure_channel": "grpcio"}
_TIME_LIMIT = 120


def run(bench: Bench) -> None:
    """Measure calls per second of the client's CPU, with 1, 16 and 64 calls in flight."""
    with Processes() as processes:
        port = start_replica(processes, "replica")
        answer_bytes(port)
        for in_flight in (1, 16, 64):
            calls = bench.amount(10_000 if in_flight == 1 else 30_000, 3_000)
            bench.compare(
                f"{in_flight} in flight",
                {
                    name: partial(measured, port, engine, in_flight, calls)
                    for name, engine in ENGINES.items()
                },
                ours="mcpmesh.rpc.Channel",
            )


def measured(port: int, engine: str, in_flight: int, calls: int) -> Metrics:
    """Call with one engine in a process of its own."""
    program = ROOT / "benchmarks" / "programs" / "caller.py"
    done = subprocess.run(
        [sys.executable, program, f"127.0.0.1:{port}", engine, str(in_flight), str(calls)],
        capture_output=True,
        text=True,
        timeout=_TIME_LIMIT,
        env=clean_environment(),
        check=False,
    )
    if done.returncode:
        raise Failed(f"the client on {engine}: {done.stderr[-1000:]}")
    said = json.loads(done.stdout)
    return {
        "calls_per_cpu_second": calls / said["cpu"],
        "cpu_us_per_call": said["cpu"] / calls * 1e6,
        "calls_per_second": calls / said["elapsed"],
        "p50_us": said["p50"] * 1e6,
    }
