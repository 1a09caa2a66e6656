"""footprint: what connections, streams and large or many messages take of a router's memory."""

import contextlib
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from struct import pack

from benchmarks.h2_caller import H2Caller
from benchmarks.harness.bench import Bench
from benchmarks.harness.cpu import rss_bytes
from benchmarks.harness.process import Failed, Processes, free_port
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import OURS, TRACING, mesh_argv

_KIB = 1024
_MIB = 1024 * 1024
#: Descriptors that the processes need besides those that are counted.
_SPARE_FILES = 500
_PER_CONNECTION = 1000
_MAX_MESSAGE_BYTES = 128 * _MIB
_SMALL = b"hello world, this is a message of no great size"
_WARM_UP = 200
_FLIP_WINDOW = 32 * _KIB


@dataclass(frozen=True, slots=True)
class Running:
    """A router that was used a little, and what it holds."""

    pid: int
    port: int
    idle: int

    def growth(self) -> int:
        """Return by how many bytes it is larger than it was."""
        return rss_bytes(self.pid) - self.idle


def run(bench: Bench) -> None:
    """Measure each case with a router of its own, which has not grown before."""
    # Memory does not depend on what else the machine does; one look is enough.
    bench.rounds = 1
    files = _raise_file_limit()
    connections = min(bench.amount(10_000, 500), files - _SPARE_FILES)
    streams = bench.amount(10_000, 1000)
    for case, measure in {
        f"{connections:,} idle connections": partial(_connections, connections, 0),
        f"{connections:,} idle connections after a call": partial(_connections, connections, 1),
        f"{streams:,} open streams, server streaming": partial(_streams, streams, False),
        f"{streams:,} open streams, both ways": partial(_streams, streams, True),
        "a request and an answer of 64 MiB": partial(_huge, bench.amount(64, 4) * _MIB),
        "100,000 messages of a byte": partial(_many, bench.amount(100_000, 2000)),
        "1,000 requests written byte by byte": partial(_slow_writers, bench.amount(1000, 50)),
        "100 streams, windows to 0 and back": partial(_flips, bench.amount(200, 20)),
    }.items():
        bench.compare(case, {OURS: partial(_measured, measure)}, ours=OURS)


def _measured(measure: Callable[[Running], Metrics]) -> Metrics:
    with Processes() as processes, _router(processes) as running:
        return measure(running)


@contextmanager
def _router(processes: Processes) -> Iterator[Running]:
    replica, port = free_port(), free_port()
    processes.start_program("holder", "holder", replica)
    argv = mesh_argv(
        "router",
        *("--grpc", f"127.0.0.1:{port}", "--static", f"127.0.0.1:{replica}=echo"),
        # As many on the one connection to the replica as all callers have.
        *("--max-concurrent-streams", "100000", "--max-message-bytes", str(_MAX_MESSAGE_BYTES)),
        *("--max-unfinished-bytes", str(2 * _MAX_MESSAGE_BYTES)),
        # All of them come from this machine.
        *("--max-connections", "20000", "--max-connections-per-peer", "20000"),
        # As many calls of the one tool at once.
        *("--tool", 'echo={"admission": 100000}'),
    )
    process = processes.start(OURS, argv, port, TRACING)
    for _ in range(_WARM_UP):
        with H2Caller(port) as caller:
            caller.call("Invoke", _SMALL)
            caller.read_answers(1)
    yield Running(process.pid, port, _settled(process.pid))


def _settled(pid: int) -> int:
    """Wait until a process does not grow any more; its resident bytes."""
    before = -1
    while (now := rss_bytes(pid)) > before:
        before = now
        time.sleep(0.5)
    return now


def _connections(count: int, calls: int, running: Running) -> Metrics:
    with ExitStack() as stack:
        for _ in range(count):
            caller = H2Caller(running.port)
            # Only the socket is kept: ten thousand h2 connections would fill this process.
            stack.enter_context(contextlib.closing(caller.socket))
            for _ in range(calls):
                caller.call("Invoke", _SMALL)
            caller.read_answers(calls)
        each = (_settled(running.pid) - running.idle) / count
    return {"kib_per_connection": each / _KIB, "idle_mib": running.idle / _MIB}


def _streams(count: int, both_ways: bool, running: Running) -> Metrics:
    """Open streams on which a message came back, and nothing more does."""
    with ExitStack() as stack:
        for first in range(0, count, _PER_CONNECTION):
            caller = stack.enter_context(H2Caller(running.port))
            wanted = min(_PER_CONNECTION, count - first)
            for _ in range(wanted):
                if both_ways:
                    caller.call("Converse", _SMALL, end=False)
                else:
                    caller.call("InvokeStream", pack(">II", 1, len(_SMALL)))
                caller.flush()
            caller.read_body(wanted * (5 + len(_SMALL)))
        each = (_settled(running.pid) - running.idle) / count
    return {"kib_per_stream": each / _KIB, "idle_mib": running.idle / _MIB}


def _huge(size: int, running: Running) -> Metrics:
    """Call with a request that is echoed."""
    peak = 0
    start = time.monotonic()
    with H2Caller(running.port, window=1 << 20) as caller:

        def answered() -> bool:
            nonlocal peak
            peak = max(peak, running.growth())
            return caller.ended == 1

        caller.call("Invoke", bytes(size))
        caller.read_until(answered)
        if caller.read_bytes != size + 5:
            raise Failed(f"{caller.read_bytes} bytes came back, not {size + 5}")
        elapsed = time.monotonic() - start
    return {
        "peak_growth_mib": peak / _MIB,
        "growth_after_mib": (_settled(running.pid) - running.idle) / _MIB,
        "seconds": elapsed,
    }


def _many(count: int, running: Running) -> Metrics:
    """Converse in messages of a byte, as fast as it goes, then count what came back."""
    peak = 0
    start = time.monotonic()
    with H2Caller(running.port) as caller:
        stream = caller.call("Converse")
        for number in range(count):
            # A frame each: messages that come together would be relayed together.
            caller.send(stream, b"x", end=number == count - 1)
            if number % 256 == 255:
                caller.flush()
                peak = max(peak, running.growth())
        caller.read_answers(1)
        elapsed = time.monotonic() - start
        if caller.read_bytes != 6 * count:
            raise Failed(f"{caller.read_bytes} bytes came back, not {6 * count}")
    return {"peak_growth_mib": peak / _MIB, "seconds": elapsed}


def _slow_writers(count: int, running: Running) -> Metrics:
    """Hold requests that come a byte at a time, all of them on one connection."""
    body = b"\0" + len(_SMALL).to_bytes(4, "big") + _SMALL
    peak = 0
    with H2Caller(running.port) as caller:
        streams = [caller.call("Invoke") for _ in range(count)]
        for at in range(len(body)):
            for stream in streams:
                caller.send_raw(stream, body[at : at + 1], end=at == len(body) - 1)
            caller.flush()
            peak = max(peak, running.growth())
        caller.read_answers(count)
    return {"peak_growth_mib": peak / _MIB, "kib_per_request": peak / _KIB / count}


def _flips(flips: int, running: Running) -> Metrics:
    """Take a hundred endless streams, and shut and open the window of each again and again."""
    peak = 0
    with H2Caller(running.port, window=0) as caller:
        for _ in range(100):
            caller.call("InvokeStream", pack(">II", 2**31, 16 * _KIB))
        for _ in range(flips):
            caller.set_window(_FLIP_WINDOW)
            caller.read_body(caller.read_bytes + 100 * _FLIP_WINDOW // 2)
            caller.set_window(0)
            peak = max(peak, running.growth())
        read = caller.read_bytes
    return {"peak_growth_mib": peak / _MIB, "read_mb": read / 1e6}


def _raise_file_limit() -> int:
    """Allow this process and those it starts all the files that the system grants; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
