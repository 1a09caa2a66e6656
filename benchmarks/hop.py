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
from mcpmesh.v1 import invoke_pb2, tool_pb2
from mcpmesh.wire.message import PREFIX_BYTES

#: Comes back as it went.
_MIB = b"x" * (1 << 20)
_LARGE = invoke_pb2.InvokeRequest(tool="echo", arguments=_MIB)
_LARGE_ANSWER = invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult(structured_content=_MIB))


def run(bench: Bench) -> None:
    """Measure at 4 connections with 32 calls each, with one call in flight, and with 1 MiB."""
    if program("h2load") is None:
        bench.skip("all", "h2load")
        return
    names = (OURS, ENVOY, NGINX, HAPROXY, GRPC_AIO, DIRECT)
    with Processes() as processes:
        hops = start_hops(bench, processes, names)
        size = answer_bytes(hops[DIRECT].port)
        small = REQUEST.SerializeToString(), size
        large = _LARGE.SerializeToString(), PREFIX_BYTES + _LARGE_ANSWER.ByteSize()
        for case, (message, answer), calls, connections, streams in (
            ("4 connections × 32 streams", small, bench.amount(40_000, 5_000), 4, 32),
            ("one call in flight", small, bench.amount(10_000, 2_000), 1, 1),
            ("1 MiB each way, 4 at a time", large, bench.amount(600, 100), 4, 1),
        ):
            load = Load(INVOKE, message, answer, calls, connections, streams)
            warm = Load(INVOKE, message, answer, calls // 10, connections, streams)
            for hop in hops.values():
                h2load(hop.port, warm)
            bench.compare(
                case,
                {name: partial(unary, hop.port, load, hop.pids) for name, hop in hops.items()},
                ours=OURS,
            )
