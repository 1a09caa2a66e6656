"""A steady load that comes and goes: churn.py HOST:PORT SECONDS CALLS_PER_SECOND.

Calls at that rate over connections that are replaced all the time; between them streams that are
cancelled midway, calls whose deadline passes, and calls of tools that there are not. Prints a line
of JSON: {"calls": …, "failed": …, "first_failure": …} of the idempotent calls, which should all be
answered.
"""

import asyncio
import json
import random
import sys
import time
from contextlib import suppress
from typing import Any

import grpc
import uvloop

from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

CHANNELS = 16
#: A machine that cannot keep up gets no more calls than this at once; those are left out.
MOST_AT_ONCE = 256
#: Seconds that a connection is used, in the mean.
CHANNEL_LIFE = 4.0
#: Of a thousand calls so many are something else.
STREAMS, LATE, UNKNOWN = 20, 10, 10
TICK = 0.01


class Line:
    """A connection, and the stub that calls over it."""

    def __init__(self, target: str) -> None:
        self.channel = Channel(target)
        self.stub: Any = invoke_pb2_grpc.ToolServiceStub(self.channel)  # type: ignore[no-untyped-call]


class Churn:
    """The load, and what came of it."""

    def __init__(self, target: str) -> None:
        self.calls = 0
        self.failed = 0
        self.first_failure = ""
        self._target = target
        self._lines: list[Line] = []
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, seconds: float, rate: float) -> None:
        """Load for a while; then wait for what is under way, and close."""
        self._lines = [Line(self._target) for _ in range(CHANNELS)]
        start = time.perf_counter()
        begun = 0
        while (elapsed := time.perf_counter() - start) < seconds:
            wanted = int(elapsed * rate)
            for _ in range(min(wanted - begun, MOST_AT_ONCE - len(self._running))):
                self._begin(self._one(random.choice(self._lines).stub))
            begun = wanted
            if random.random() < CHANNELS * TICK / CHANNEL_LIFE:
                place = random.randrange(CHANNELS)
                old, self._lines[place] = self._lines[place], Line(self._target)
                self._begin(old.channel.close(grace=2.0))
            await asyncio.sleep(TICK)
        await asyncio.gather(*self._running)
        await asyncio.gather(*(line.channel.close() for line in self._lines))

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _one(self, stub: Any) -> None:
        kind = random.randrange(1000)
        if kind < STREAMS:
            await self._stream(stub)
        elif kind < STREAMS + LATE:
            await self._passing(stub, "pause", b'{"seconds":5}', timeout=0.2)
        elif kind < STREAMS + LATE + UNKNOWN:
            await self._passing(stub, f"unknown{kind}", b"{}", timeout=5)
        else:
            await self._call(stub)

    async def _call(self, stub: Any) -> None:
        arguments = json.dumps({"text": "x" * random.randrange(200)}).encode()
        self.calls += 1
        try:
            request = invoke_pb2.InvokeRequest(tool="echo", arguments=arguments)
            answer = await stub.Invoke(request, timeout=30)
            if answer.result.is_error:
                raise ValueError(answer)
        except (grpc.RpcError, ValueError) as error:
            self.failed += 1
            self.first_failure = self.first_failure or str(error)[:500]

    async def _stream(self, stub: Any) -> None:
        request = invoke_pb2.InvokeRequest(tool="count", arguments=b'{"to":1000000}')
        call = stub.InvokeStream(request, timeout=30)
        with suppress(grpc.RpcError):
            for _ in range(random.randrange(20)):
                await call.read()
        call.cancel()

    async def _passing(self, stub: Any, tool: str, arguments: bytes, timeout: float) -> None:
        with suppress(grpc.RpcError):
            request = invoke_pb2.InvokeRequest(tool=tool, arguments=arguments)
            await stub.Invoke(request, timeout=timeout)


async def main(target: str, seconds: str, rate: str) -> None:
    """Load, and print what it came to."""
    churn = Churn(target)
    await churn.run(float(seconds), float(rate))
    print(
        json.dumps(
            {"calls": churn.calls, "failed": churn.failed, "first_failure": churn.first_failure}
        )
    )


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
