"""A client that counts its own CPU: caller.py HOST:PORT mcpmesh|direct|grpcio IN_FLIGHT CALLS.

Prints {"cpu": seconds, "elapsed": seconds, "p50": seconds} of the calls alone, as JSON.
"""

import asyncio
import json
import sys
import time
from statistics import median
from typing import Any

import grpc
import uvloop

from mcpmesh.dispatch.direct_channel import DirectChannel
from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

ARGUMENTS = b'{"text":"hello world, this is a tool call","n":42}'
WARM_UP = 500
ENGINES = {"mcpmesh": Channel, "direct": DirectChannel, "grpcio": grpc.aio.insecure_channel}


async def call(stub: Any, in_flight: int, calls: int) -> float:
    """Call, so many at once; the median of what a call took, in seconds."""
    left = iter(range(calls))
    took: list[float] = []

    async def one_after_another() -> None:
        for _ in left:
            start = time.perf_counter()
            request = invoke_pb2.InvokeRequest(tool="echo", arguments=ARGUMENTS)
            answer = await stub.Invoke(request)
            if answer.result.structured_content != ARGUMENTS:
                raise ValueError(f"not an echo: {answer}")
            took.append(time.perf_counter() - start)

    await asyncio.gather(*(one_after_another() for _ in range(in_flight)))
    return median(took)


async def main(target: str, engine: str, in_flight: str, calls: str) -> None:
    """Measure, and print what it came to."""
    channel = ENGINES[engine](target)
    async with channel:
        if isinstance(channel, DirectChannel):
            await channel.synced()
        stub = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]
        await call(stub, int(in_flight), WARM_UP)
        cpu, start = time.process_time(), time.perf_counter()
        p50 = await call(stub, int(in_flight), int(calls))
        cpu, elapsed = time.process_time() - cpu, time.perf_counter() - start
    print(json.dumps({"cpu": cpu, "elapsed": elapsed, "p50": p50}))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
