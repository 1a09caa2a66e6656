"""An honest client as a process: honest.py HOST:PORT, then a line of SECONDS for each measurement.

Calls at a steady pace whatever the answers do, and counts each from when it should have begun.
Answers each line with {"latencies": [seconds, …], "failed": number} as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop

from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

#: Calls a second: enough for a p99, little beside what the router can do.
RATE = 300
_REQUEST = invoke_pb2.InvokeRequest(tool="echo", arguments=b'{"text":"hello"}')
_TIMEOUT = 10.0


async def measure(stub: Any, seconds: float) -> dict[str, Any]:
    """Call for so long."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    failed = 0

    async def one(due: float) -> None:
        nonlocal failed
        try:
            answer = await stub.Invoke(_REQUEST, timeout=_TIMEOUT)
            failed += answer.result.is_error
        except Exception:
            failed += 1
        latencies.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as calls:
        await asyncio.to_thread(_pace, seconds, loop, lambda due: calls.create_task(one(due)))
    return {"latencies": latencies, "failed": failed}


def _pace(
    seconds: float, loop: asyncio.AbstractEventLoop, begin: Callable[[float], object]
) -> None:
    """Have each call begin when it is due: the loop's own timers are late by up to 1 ms."""
    start = time.perf_counter()
    for number in range(int(seconds * RATE)):
        due = start + number / RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        loop.call_soon_threadsafe(begin, due)


async def main(target: str) -> None:
    """Measure as often as asked."""
    loop = asyncio.get_running_loop()
    async with Channel(target) as channel:
        stub = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await measure(stub, float(line))), flush=True)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
