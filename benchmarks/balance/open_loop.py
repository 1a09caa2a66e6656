"""Calls at a steady rate, whatever becomes of those before: as many independent callers make."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import grpc

from mcpmesh.dispatch.direct_channel import DirectChannel
from mcpmesh.rpc.channel import Channel
from mcpmesh.v1 import invoke_pb2, invoke_pb2_grpc

#: Connections that the calls are spread over.
_CHANNELS = 4


@dataclass(slots=True)
class Outcomes:
    """What became of calls.

    Units: seconds; `failures` are (id, status, message, pushback, seconds).
    """

    answered: list[float] = field(default_factory=list)
    failures: list[tuple[str, str, str, str, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def calls(self) -> int:
        return len(self.answered) + len(self.failures)

    @property
    def codes(self) -> dict[str, int]:
        return dict(Counter(code for _, code, *_ in self.failures))

    def add(self, more: "Outcomes") -> None:
        """Take in what became of further calls."""
        self.answered += more.answered
        self.failures += more.failures
        self.seconds += more.seconds


def percentile(values: list[float], share: float) -> float:
    """Return the value below which this share of them is; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def steady(
    router: str,
    tool: str,
    rate: float,
    seconds: float,
    arguments: Callable[[str], dict[str, Any]],
    *,
    timeout: float = 5.0,
    direct: bool = False,
) -> Outcomes:
    """Make calls at a rate; `arguments` are made of each call's id.

    With `direct`, clients call the replicas themselves.
    """
    outcomes = Outcomes()
    channels = [(DirectChannel if direct else Channel)(router) for _ in range(_CHANNELS)]
    stubs: list[Any] = [invoke_pb2_grpc.ToolServiceStub(each) for each in channels]  # type: ignore[no-untyped-call]
    metadata = (("mcp-name", tool),)
    try:
        for channel, stub in zip(channels, stubs, strict=True):
            # Connected before it counts.
            if isinstance(channel, DirectChannel):
                await channel.synced()
            await _quietly(stub, invoke_pb2.InvokeRequest(tool="mcpmesh.no.such.tool"), timeout)
        tasks: set[asyncio.Task[None]] = set()
        begin = perf_counter()
        for number in range(int(rate * seconds)):
            ahead = begin + number / rate - perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            asked = invoke_pb2.InvokeRequest(
                tool=tool, arguments=json.dumps(arguments(str(number))).encode()
            )
            stub = stubs[number % _CHANNELS]
            task = asyncio.create_task(_call(stub, asked, str(number), timeout, metadata, outcomes))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        outcomes.seconds = perf_counter() - begin
        await asyncio.gather(*tasks)
    finally:
        for channel in channels:
            await channel.close()
    return outcomes


async def busy(
    router: str, tool: str, callers: int, seconds: float, arguments: dict[str, Any]
) -> float:
    """Return how many calls per second so many callers get answered, one after the other each."""
    answered = 0
    end = perf_counter() + seconds
    asked = invoke_pb2.InvokeRequest(tool=tool, arguments=json.dumps(arguments).encode())

    async def caller(stub: Any) -> None:
        nonlocal answered
        while perf_counter() < end:
            try:
                await stub.Invoke(asked, timeout=30, metadata=(("mcp-name", tool),))
                answered += 1
            except grpc.RpcError:
                # As a limit that finds itself refuses at first.
                await asyncio.sleep(0.1)

    async with Channel(router) as channel:
        stub: Any = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]
        begin = perf_counter()
        await asyncio.gather(*(caller(stub) for _ in range(callers)))
        return answered / (perf_counter() - begin)


async def _call(
    stub: Any, asked: Any, id: str, timeout: float, metadata: Any, outcomes: Outcomes
) -> None:
    begin = perf_counter()
    try:
        await stub.Invoke(asked, timeout=timeout, metadata=metadata)
        outcomes.answered.append(perf_counter() - begin)
    except grpc.RpcError as error:
        took = perf_counter() - begin
        told: Any = error
        pushback = dict(told.trailing_metadata() or ()).get("grpc-retry-pushback-ms", "")
        outcomes.failures.append((id, told.code().name, told.details() or "", pushback, took))


async def _quietly(stub: Any, asked: Any, timeout: float) -> None:
    try:
        await stub.Invoke(asked, timeout=timeout)
    except grpc.RpcError:
        pass
