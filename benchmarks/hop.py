"""hop: what a unary call costs the process between caller and replica, and how fast it is."""

from functools import partial

from benchmarks.harness.bench import Bench
from benchmarks.harness.h2load import Load, h2load, unary
from benchmarks.harness.peers import program
from benchmarks.harness.process import Processes
from benchmarks.hops import (
    DIRECT,
    ENVOY,
    GRPC_AIO,
    HAPROXY,
    INVOKE,
    NGINX,
    OURS,
    REQUEST,
    answer_bytes,
    start_hops,
)


def run(bench: Bench) -> None:
    """Measure at 4 connections with 32 calls each, and with one call in flight."""
    if program("h2load") is None:
        bench.skip("all", "h2load")
        return
    names = (OURS, ENVOY, NGINX, HAPROXY, GRPC_AIO, DIRECT)
    with Processes() as processes:
        hops = start_hops(bench, processes, names)
        size = answer_bytes(hops[DIRECT].port)
        message = REQUEST.SerializeToString()
        for case, calls, connections, streams in (
            ("4 connections × 32 streams", bench.amount(40_000, 5_000), 4, 32),
            ("one call in flight", bench.amount(10_000, 2_000), 1, 1),
        ):
            load = Load(INVOKE, message, size, calls, connections, streams)
            warm = Load(INVOKE, message, size, calls // 10, connections, streams)
            for hop in hops.values():
                h2load(hop.port, warm)
            bench.compare(
                case,
                {name: partial(unary, hop.port, load, hop.pids) for name, hop in hops.items()},
                ours=OURS,
            )
