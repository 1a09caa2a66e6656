"""A rolling restart of all replicas under load: every one is drained and replaced."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.balance.sockets.fleet import end, start_program, start_router
from benchmarks.balance.sockets.load import Load
from mcpmesh.errors import MeshError
from mcpmesh.sdk.client import Client
from mcpmesh.sdk.events import Chunk

_PATIENCE = 60.0
_TARGET = "benchmarks.balance.sockets.ticking:app"


async def run_restart(
    *,
    replicas: int = 4,
    rate: float = 200.0,
    streams_per_second: float = 2.0,
    stream_seconds: float = 30.0,
    every: float = 5.0,
) -> dict[str, Any]:
    """Replace each replica once, one every so many seconds; calls and streams go on all the time.

    Units: seconds; `rate` in calls per second.
    """
    async with AsyncExitStack() as stack:
        router = await start_router(stack)
        grace = f"--drain-grace={stream_seconds * 2 + 10}"
        serve = ("-m", "mcpmesh", "serve", _TARGET, f"--router={router}", grace)
        processes = [await _started(stack, serve) for _ in range(replicas)]
        client = await stack.enter_async_context(Client(router))
        async with asyncio.timeout(_PATIENCE):
            while not await _ready(client, replicas):
                await asyncio.sleep(0.05)
        load = Load(router, rate, 30.0)
        stack.push_async_callback(load.close)
        seconds = every * (replicas + 1) + stream_seconds
        calling = asyncio.create_task(load.run(seconds))
        streaming = asyncio.create_task(
            _stream(client, streams_per_second, stream_seconds, seconds - stream_seconds)
        )
        codes = []
        async with asyncio.TaskGroup() as ends:
            for process in processes:
                await asyncio.sleep(every)
                process.terminate()
                codes.append(ends.create_task(process.wait()))
                await _started(stack, serve)
        outcomes, streams = await calling, await streaming
    return {
        "restarted": replicas,
        "exit_codes": [each.result() for each in codes],
        "calls": outcomes.calls,
        "failed": outcomes.failed,
        "failures": dict(outcomes.failures.most_common(5)),
        "p50_ms": outcomes.quantile(0.5) * 1e3,
        "p99_ms": outcomes.quantile(0.99) * 1e3,
        "stream_seconds": stream_seconds,
        "streams": sum(streams.values()),
        "streams_failed": sum(n for what, n in streams.items() if what != "whole"),
        "stream_failures": {what: n for what, n in streams.items() if what != "whole"},
    }


async def _started(stack: AsyncExitStack, argv: tuple[str, ...]) -> asyncio.subprocess.Process:
    process, _ = await start_program(*argv)
    stack.push_async_callback(end, process)
    return process


async def _ready(client: Client, replicas: int) -> bool:
    tools = await client.list_tools()
    return bool(tools) and all(each.ready_replicas == replicas for each in tools)


async def _stream(
    client: Client, per_second: float, stream_seconds: float, seconds: float
) -> Counter[str]:
    """Begin streams at that pace; tell how many came whole, and what befell the others."""
    ends: Counter[str] = Counter()

    async def one() -> None:
        try:
            whole = await _read(client, stream_seconds)
        except MeshError as error:
            ends[f"{type(error).__name__}: {error.message}"[:100]] += 1
        else:
            ends["whole" if whole else "cut short"] += 1

    start = time.perf_counter()
    async with asyncio.TaskGroup() as running:
        while time.perf_counter() - start < seconds:
            running.create_task(one())
            await asyncio.sleep(1 / per_second)
    return ends


async def _read(client: Client, seconds: float) -> bool:
    """Read a stream to its end; tell whether nothing was missing."""
    chunks = 0
    async for event in client.stream("tick", {"seconds": seconds}, timeout=seconds * 2 + 30):
        chunks += isinstance(event, Chunk)
    return chunks == round(seconds * 10)
