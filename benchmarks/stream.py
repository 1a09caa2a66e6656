"""stream: what relaying one message of a server stream costs the process in between."""

import json
from dataclasses import dataclass
from functools import partial

from benchmarks.harness.bench import Bench
from benchmarks.harness.cpu import cpu_seconds
from benchmarks.harness.h2load import Load, h2load
from benchmarks.harness.peers import program
from benchmarks.harness.process import Processes
from benchmarks.harness.rounds import Metrics
from benchmarks.hops import (
    DIRECT,
    ENVOY,
    GRPC_AIO,
    HAPROXY,
    INVOKE_STREAM,
    NGINX,
    OURS,
    Hop,
    start_hops,
)
from benchmarks.programs.echo import RESULT
from mcpmesh.v1 import invoke_pb2

MESSAGE_BYTES = 256
_CONNECTIONS = 2
_LAST_BYTES = invoke_pb2.InvokeEvent(result=RESULT).ByteSize()


@dataclass(frozen=True, slots=True)
class Streams:
    """Streams of one load: so many in all, so many at once, each with so many messages."""

    total: int
    at_once: int
    messages: int
    every_ms: int = 0

    def load(self) -> Load:
        """Return it for h2load."""
        asked = {"messages": self.messages, "bytes": MESSAGE_BYTES, "every_ms": self.every_ms}
        request = invoke_pb2.InvokeRequest(tool="echo", arguments=json.dumps(asked).encode())
        size = self.messages * (5 + MESSAGE_BYTES) + 5 + _LAST_BYTES
        message = request.SerializeToString()
        return Load(
            INVOKE_STREAM, message, size, self.total, _CONNECTIONS, self.at_once // _CONNECTIONS
        )


def run(bench: Bench) -> None:
    """Measure streams that go as fast as they can, and streams that send now and then."""
    if program("h2load") is None:
        bench.skip("all", "h2load")
        return
    warm = Streams(2, 2, 500)
    messages = bench.amount(20_000, 5_000)
    slow, fast = Streams(2, 2, messages), Streams(bench.amount(30, 10), 2, messages)
    paced = Streams(32, 32, bench.amount(1_000, 200), every_ms=5)
    with Processes() as processes:
        hops = start_hops(bench, processes, (OURS, ENVOY, NGINX, HAPROXY, GRPC_AIO, DIRECT))
        for hop in hops.values():
            h2load(hop.port, warm.load())
        bench.compare(
            "2 streams at full speed",
            {
                # The same, only sooner over where a message costs so much more.
                name: partial(_measured, hop, slow if name == GRPC_AIO else fast)
                for name, hop in hops.items()
            },
            ours=OURS,
        )
        bench.compare(
            "32 streams, each a message per 5 ms",
            {name: partial(_measured, hop, paced) for name, hop in hops.items()},
            ours=OURS,
        )


def _measured(hop: Hop, streams: Streams) -> Metrics:
    messages = streams.total * streams.messages
    counted = list(hop.pids())
    before = cpu_seconds(counted)
    loaded = h2load(hop.port, streams.load())
    cpu = cpu_seconds(counted) - before
    return {
        "cpu_us_per_message": cpu / messages * 1e6,
        "messages_per_second": messages / loaded.elapsed,
    }
