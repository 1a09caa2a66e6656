"""server: rpc.Server beside grpc.aio.server, with the same servicer under the same load."""

from functools import partial

from benchmarks.harness.bench import Bench
from benchmarks.harness.h2load import Load, h2load, unary
from benchmarks.harness.peers import program
from benchmarks.harness.process import Processes, free_port
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import INVOKE, REQUEST, answer_bytes

ENGINES = {"mcpmesh.rpc.Server": "mcpmesh", "grpc.aio.server": "grpcio"}


def run(bench: Bench) -> None:
    """Measure calls per second of the server's CPU."""
    if program("h2load") is None:
        bench.skip("all", "h2load")
        return
    message = REQUEST.SerializeToString()
    with Processes() as processes:
        servers = {}
        for name, engine in ENGINES.items():
            port = free_port()
            servers[name] = (port, processes.start_program(name, "echo", port, engine))
        size = answer_bytes(port)
        for case, calls, connections, streams in (
            ("4 connections × 32 streams", bench.amount(40_000, 5_000), 4, 32),
            ("one call in flight", bench.amount(10_000, 2_000), 1, 1),
        ):
            load = Load(INVOKE, message, size, calls, connections, streams)
            for port, _ in servers.values():
                h2load(port, Load(INVOKE, message, size, calls // 10, connections, streams))
            bench.compare(
                case,
                {
                    name: partial(_measured, port, load, process.pid)
                    for name, (port, process) in servers.items()
                },
                ours="mcpmesh.rpc.Server",
            )


def _measured(port: int, load: Load, pid: int) -> Metrics:
    metrics = unary(port, load, lambda: [pid])
    return {"calls_per_cpu_second": 1e6 / metrics["cpu_us_per_call"], **metrics}
