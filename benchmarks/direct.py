"""direct: a client that calls the replica itself by the router's stack, beside a bare channel."""

from functools import partial

from benchmarks.client import measured
from benchmarks.harness.bench import Bench
from benchmarks.harness.process import Processes, free_port
from benchmarks.hops import answer_bytes, mesh_argv, start_replica

DIRECT = "direct client"
BARE = "mcpmesh.rpc.Channel"


def run(bench: Bench) -> None:
    """Measure the client's CPU per call, with 1, 16 and 64 calls in flight, to one replica."""
    with Processes() as processes:
        replica, router = start_replica(processes, "replica"), free_port()
        static = f"--static=127.0.0.1:{replica}=echo"
        argv = mesh_argv("router", "--grpc", f"127.0.0.1:{router}", static)
        processes.start("router", argv, router)
        answer_bytes(router)
        for in_flight in (1, 16, 64):
            calls = bench.amount(10_000 if in_flight == 1 else 30_000, 3_000)
            bench.compare(
                f"{in_flight} in flight",
                {
                    DIRECT: partial(measured, router, "direct", in_flight, calls),
                    BARE: partial(measured, replica, "mcpmesh", in_flight, calls),
                },
                ours=DIRECT,
            )
