"""Calls that come at their own pace, whether or not those before were answered."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc

from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

_CHANNELS = 4
#: A machine that cannot keep up gets no more calls than this at once; they count as left out.
_MOST_AT_ONCE = 4000


@dataclass(slots=True)
class Outcomes:
    """What became of the calls.

    Units: seconds; times at which calls began from the beginning of the load.
    """

    #: What each answered call took.
    seconds: list[float] = field(default_factory=list)
    #: When each of these began.
    began: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    failed_at: list[float] = field(default_factory=list)
    calls: int = 0
    left_out: int = 0

    @property
    def failed(self) -> int:
        """How many failed."""
        return len(self.failed_at)

    def quantile(self, share: float) -> float:
        """Return the time that this share of the calls was answered within."""
        if not self.seconds:
            return float("nan")
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Load:
    """Poisson arrivals of calls to one tool."""

    def __init__(self, target: str, rate: float, timeout: float, seed: int = 1) -> None:
        self._channels = [Channel(target) for _ in range(_CHANNELS)]
        self._stubs: list[Any] = [
            invoke_pb2_grpc.ToolServiceStub(each)  # type: ignore[no-untyped-call]
            for each in self._channels
        ]
        self._rate = rate
        self._timeout = timeout
        self._rng = random.Random(seed)
        self._running: set[asyncio.Task[None]] = set()
        self._request = invoke_pb2.InvokeRequest(tool="work", arguments=b"{}")

    async def run(self, seconds: float, warmup: float = 0.0) -> Outcomes:
        """Load for so long; wait for the answers. What begins within the warm-up is not counted."""
        outcomes = Outcomes()
        start = time.perf_counter()
        due = start
        while (now := time.perf_counter()) - start < seconds:
            if due > now:
                await asyncio.sleep(due - now)
            due += self._rng.expovariate(self._rate)
            if len(self._running) >= _MOST_AT_ONCE:
                outcomes.left_out += 1
                continue
            counted = time.perf_counter() - start >= warmup
            task = asyncio.create_task(self._call(outcomes, start, counted))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await asyncio.gather(*self._running)
        return outcomes

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(each.close() for each in self._channels))

    async def _call(self, outcomes: Outcomes, start: float, counted: bool) -> None:
        began = time.perf_counter()
        try:
            await self._rng.choice(self._stubs).Invoke(self._request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            if counted:
                outcomes.calls += 1
                outcomes.failures[f"{error.code().name}: {error.details()}"[:100]] += 1
                outcomes.failed_at.append(began - start)
            return
        if counted:
            outcomes.calls += 1
            outcomes.seconds.append(time.perf_counter() - began)
            outcomes.began.append(began - start)
