"""soak: a router at half load for ten minutes, with everything around it coming and going.

Memory, descriptors and tasks are looked at while it is at rest, before and after: what is still
there then was left behind.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import grpc

from benchmarks.harness.bench import Bench
from benchmarks.harness.cpu import cpu_seconds, rss_bytes
from benchmarks.harness.process import (
    ROOT,
    WORK,
    Failed,
    Process,
    Processes,
    clean_environment,
    free_port,
)
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import OURS, TRACING, mesh_argv
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc

_MIB = 1024 * 1024
#: Seconds until the most that is ever under way at once was under way, replicas that end included.
_WARM_UP = 120
_PROBE_CALLS_PER_SECOND = 300
#: Of one core; and never more calls a second than this, which other processes have to serve.
_LOAD = 0.5
_MOST_CALLS = 3000
_REPLICAS = 3
#: Seconds between a replica's end and the next one's; every other one is killed.
_REPLACE_EVERY = 10.0
#: Seconds that leases, connections and what waits for them get to end.
_REST = 15.0
_READY_WITHIN = 60.0
_TARGET = "benchmarks.programs.soaked_tools:app"


def run(bench: Bench) -> None:
    """Soak once."""
    bench.rounds = 1
    seconds = bench.amount(600, 60)
    bench.compare(f"{seconds // 60} minutes", {OURS: lambda: _soaked(bench, seconds)}, ours=OURS)


def _soaked(bench: Bench, seconds: int) -> Metrics:
    with Processes() as processes:
        soak = _Soak(processes)
        rate = soak.half_load()
        bench.say(f"half load is {rate:.0f} calls per second here")
        # What is made once and kept is made in the warm-up: memos, slots, buffers, code.
        soak.load(min(_WARM_UP, seconds), rate)
        before = soak.at_rest()
        bench.say(f"at rest before: {before}")
        cpu = cpu_seconds([soak.pid])
        done = soak.load(seconds, rate, bench)
        cpu = cpu_seconds([soak.pid]) - cpu
        after = soak.at_rest()
        bench.say(f"at rest after: {after}")
    if done["first_failure"]:
        bench.say(f"first failure: {done['first_failure']}")
    return {
        "calls": float(done["calls"]),
        "failed": float(done["failed"]),
        "cores": cpu / seconds,
        "rest_before_mib": before["rss"] / _MIB,
        "rest_after_mib": after["rss"] / _MIB,
        "descriptors_left": after["descriptors"] - before["descriptors"],
        "tasks_left": after["tasks"] - before["tasks"],
        "objects_left": after["objects"] - before["objects"],
        "blocks_before": before["blocks"],
        "blocks_left": after["blocks"] - before["blocks"],
    }


class _Soak:
    """A router, its replicas, and the load on them."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._port = free_port()
        self._counts = WORK / "counts.json"
        argv: list[str | Path] = [
            *(sys.executable, ROOT / "benchmarks" / "programs" / "counted_router.py"),
            *(str(self._port), self._counts),
        ]
        self.pid = processes.start(OURS, argv, self._port, TRACING).pid
        self._replicas: list[Process] = [self._replica() for _ in range(_REPLICAS)]
        self._ended = 0
        self._wait_for(_REPLICAS)

    def half_load(self) -> float:
        """Return the calls per second that take half a core of the router."""
        rate = float(_PROBE_CALLS_PER_SECOND)
        # A call costs less the more there are at once: later looks are at about that load.
        for _ in range(3):
            cpu = cpu_seconds([self.pid])
            said = json.loads(self._churn(5, rate).communicate()[0])
            cpu = cpu_seconds([self.pid]) - cpu
            rate = min(_MOST_CALLS, _LOAD * float(said["calls"]) / max(cpu, 0.01))
        return rate

    def load(self, seconds: int, rate: float, bench: Bench | None = None) -> dict[str, int | str]:
        """Load for a while, and replace a replica now and then; what came of the calls."""
        churn = self._churn(seconds, rate)
        for elapsed in _ticks(churn):
            self._replace_one()
            if bench is not None:
                held = f"{rss_bytes(self.pid) / _MIB:.1f} MiB, {self._descriptors()} descriptors"
                bench.say(f"after {elapsed:.0f} s: {held}")
        output, errors = churn.communicate()
        if churn.returncode:
            raise Failed(f"the load ended with {churn.returncode}: {errors[-2000:]}")
        done: dict[str, int | str] = json.loads(output)
        return done

    def at_rest(self) -> dict[str, int]:
        """Return what the router holds when nothing happens."""
        time.sleep(_REST)
        self._counts.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.1)
            with suppress(OSError, ValueError):
                counted: dict[str, int] = json.loads(self._counts.read_text())
                return {
                    "rss": rss_bytes(self.pid),
                    "descriptors": self._descriptors(),
                    **counted,
                }
        raise Failed("the router does not say what it holds")

    def _descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def _churn(self, seconds: int, rate: float) -> "subprocess.Popen[str]":
        path = ROOT / "benchmarks" / "programs" / "churn.py"
        return subprocess.Popen(
            [sys.executable, path, f"127.0.0.1:{self._port}", str(seconds), str(rate)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )

    def _replica(self) -> Process:
        port = free_port()
        options = ("--listen", f"127.0.0.1:{port}", "--router", f"127.0.0.1:{self._port}")
        argv = mesh_argv("serve", _TARGET, *options, "--drain-grace", "5")
        return self._processes.start(f"replica {port}", argv, port)

    def _wait_for(self, count: int) -> None:
        """Wait until so many replicas take calls."""
        end = time.monotonic() + _READY_WITHIN
        with grpc.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            stub = discovery_pb2_grpc.DiscoveryServiceStub(channel)  # type: ignore[no-untyped-call]
            asked = discovery_pb2.GetToolRequest(name="echo")
            while time.monotonic() < end:
                with suppress(grpc.RpcError):
                    if stub.GetTool(asked, timeout=5).ready_replicas >= count:
                        return
                time.sleep(0.1)
        raise Failed(f"there are not {count} replicas within {_READY_WITHIN:g} s")

    def _replace_one(self) -> None:
        """Start a replica, and end the oldest: by turns told to, and killed."""
        self._replicas.append(self._replica())
        self._wait_for(_REPLICAS + 1)
        leaving = self._replicas.pop(0)
        self._ended += 1
        if self._ended % 2:
            os.kill(leaving.pid, signal.SIGKILL)
        leaving.stop()


def _ticks(churn: "subprocess.Popen[str]") -> Iterator[float]:
    """Give the seconds that passed, every so often, as long as a process runs."""
    start = time.monotonic()
    while True:
        try:
            churn.wait(_REPLACE_EVERY)
            return
        except subprocess.TimeoutExpired:
            yield time.monotonic() - start
