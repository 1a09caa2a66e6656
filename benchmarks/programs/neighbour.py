"""Small calls beside a huge stream: neighbour.py TARGET none|another|same CALLS BYTES_PER_SECOND.

The stream is read at that pace, 0 for as fast as it comes. Prints the calls' p50 and p99 as JSON.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

ARGUMENTS = b'{"text":"hello world, this is a tool call","n":42}'
MESSAGE_BYTES = 64 * 1024
ENDLESS = 2**31
WARM_UP = 300
#: Bytes of the stream that come before the calls begin.
STEADY = 4_000_000


class Huge:
    """An endless stream that is read at a pace."""

    def __init__(self, stub: Any, bytes_per_second: int) -> None:
        asked = json.dumps({"messages": ENDLESS, "bytes": MESSAGE_BYTES}).encode()
        request = invoke_pb2.InvokeRequest(tool="echo", arguments=asked)
        self.read = 0
        self.steady = asyncio.Event()
        self._call = stub.InvokeStream(request, timeout=600)
        self._pace = bytes_per_second

    async def run(self) -> None:
        """Read until cancelled."""
        start = time.perf_counter()
        async for _ in self._call:
            self.read += MESSAGE_BYTES
            if self.read > STEADY:
                self.steady.set()
            if self._pace and (ahead := self.read / self._pace + start - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)


async def measure(stub: Any, calls: int) -> list[float]:
    """Call, one after the other; the seconds of each, sorted."""
    request = invoke_pb2.InvokeRequest(tool="echo", arguments=ARGUMENTS)
    taken = []
    for _ in range(calls):
        start = time.perf_counter()
        await stub.Invoke(request)
        taken.append(time.perf_counter() - start)
    return sorted(taken)


async def main(target: str, where: str, calls: str, bytes_per_second: str) -> None:
    """Measure, and print what it came to."""
    async with AsyncExitStack() as stack:
        small = await stack.enter_async_context(Channel(target))
        other = await stack.enter_async_context(Channel(target))
        stubs = [invoke_pb2_grpc.ToolServiceStub(each) for each in (small, other)]  # type: ignore[no-untyped-call]
        for stub in stubs:
            await measure(stub, WARM_UP)
        read, start, task = 0, time.perf_counter(), None
        huge = None
        if where != "none":
            huge = Huge(stubs[where == "another"], int(bytes_per_second))
            task = asyncio.create_task(huge.run())
            await huge.steady.wait()
            read, start = huge.read, time.perf_counter()
        times = await measure(stubs[0], int(calls))
        elapsed = time.perf_counter() - start
        if huge is not None and task is not None:
            read = huge.read - read
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    print(
        json.dumps(
            {
                "p50_us": times[len(times) // 2] * 1e6,
                "p99_us": times[len(times) * 99 // 100] * 1e6,
                "stream_mb_per_second": read / 1e6 / elapsed,
            }
        )
    )


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
