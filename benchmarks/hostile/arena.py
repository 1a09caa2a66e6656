"""What is attacked: a router process with limits that act within seconds, and its replicas.

The router has a core of its own, and on the rest attackers and the replica that serves them yield
to the honest client and its replica: in life they are on other machines, and what they cost the
honest client is what they cost the router. Where this machine allows it, the router and the honest
come first in real time: then no work of others is taken for the attack's either, though it may
weaken it.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.cpu import rss_bytes
from benchmarks.harness.process import (
    ROOT,
    Failed,
    Process,
    Processes,
    clean_environment,
    free_port,
)

#: The defaults, but for times that nobody wants to wait for and what one process can reach.
LIMITS = (
    "--handshake-timeout=1.5", "--header-timeout=1.5", "--request-timeout=1.5",
    "--idle-timeout=2", "--max-connections-per-peer=200",
    "--max-unfinished-bytes=16777216",
)  # fmt: skip
_CORES = sorted(os.sched_getaffinity(0))
_OTHERS = ("taskset", "-c", ",".join(map(str, _CORES[1:] or _CORES)))
#: Has a program run as soon as it can, and in no case after others.
_AT_ONCE = ("chrt", "--fifo", "1")


def _allowed(prefix: tuple[str, ...]) -> tuple[str, ...]:
    """Return the prefix of a command if this machine lets us use it."""
    tried = subprocess.run((*prefix, "true"), capture_output=True, check=False)
    return () if tried.returncode else prefix


AT_ONCE = _allowed(_AT_ONCE)
#: Begins the command of the router, of an honest program, and of an attacking one.
ROUTER = ("taskset", "-c", str(_CORES[0]), *AT_ONCE)
HONEST = (*_OTHERS, *AT_ONCE)
ATTACKING = _OTHERS if AT_ONCE else (*_OTHERS, "chrt", "--idle", "0")
_METRIC = "mcpmesh_peer_refusals_total{"
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Arena:
    """A running router, its replicas, and where a hostile replica may listen."""

    router: Process
    port: int
    evil_port: int
    metrics_port: int

    def rss(self) -> int:
        """Return the router's memory in bytes."""
        return rss_bytes(self.router.pid)

    def refusals(self) -> dict[str, int]:
        """Return how many refusals the router counts, by reason."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as page:
            lines = page.read().decode().splitlines()
        found = {}
        for line in lines:
            if line.startswith(_METRIC):
                labels, _, value = line.rpartition(" ")
                found[labels.partition('reason="')[2].partition('"')[0]] = int(float(value))
        return found


@contextmanager
def arena() -> Iterator[Arena]:
    """Run a router, a replica of the honest client's tool, and one of the attackers' tools."""
    port, tools, attacked, evil, metrics = (free_port() for _ in range(5))
    mesh = (sys.executable, "-m", "mcpmesh")
    static = (
        f"--static=127.0.0.1:{tools}=echo",
        f"--static=127.0.0.1:{attacked}=who,flood,shout",
        f"--static=127.0.0.1:{evil}=evil",
    )
    env = {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": str(metrics)}
    serve = (*mesh, "serve", "tests.e2e.tools:app", "--router=")
    with Processes() as processes:
        processes.start("honest replica", (*HONEST, *serve, f"--listen=127.0.0.1:{tools}"), tools)
        processes.start(
            "attacked replica", (*ATTACKING, *serve, f"--listen=127.0.0.1:{attacked}"), attacked
        )
        router = processes.start(
            "attacked router",
            (*ROUTER, *mesh, "router", f"--grpc=127.0.0.1:{port}", *static, *LIMITS),
            port,
            env,
        )
        yield Arena(router, port, evil, metrics)


class Honest:
    """The honest client's process."""

    def __init__(self, port: int) -> None:
        self._process = start("honest", f"127.0.0.1:{port}")

    def __enter__(self) -> "Honest":
        end = time.monotonic() + _PATIENCE
        while self.measure(0.2)["failed"]:
            if time.monotonic() > end:
                raise Failed("the honest client is not served")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(_PATIENCE)

    def begin(self, seconds: float) -> None:
        """Have it call for so long."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Return what it measured."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def measure(self, seconds: float) -> dict[str, Any]:
        """Have it call for so long, and return what it measured."""
        self.begin(seconds)
        return self.end()


def start(module: str, *arguments: str, attacking: bool = False) -> "subprocess.Popen[str]":
    """Start a program of this folder."""
    program = (sys.executable, "-m", f"benchmarks.hostile.{module}", *arguments)
    return subprocess.Popen(
        [*(ATTACKING if attacking else HONEST), *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment(),
    )
