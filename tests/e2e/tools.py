"""Tools that tests call through a mesh of processes."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from mcpmesh import ToolContext, ToolServer
from mcpmesh.sdk.failure import ToolFailure

LEASE = 2.0
app = ToolServer("little", lease_ttl=LEASE, version=os.environ.get("TOOLS_VERSION", ""))
_log = logging.getLogger("tests.tools")


@app.tool(idempotent=True)
async def who() -> str:
    """Tells which process answers."""
    return str(os.getpid())


@app.tool
async def echo(text: str) -> str:
    """Says it again."""
    return text


@app.tool
async def whoami(ctx: ToolContext) -> str:
    """Tells who calls."""
    return ctx.caller


@app.tool
async def fail() -> None:
    """Fails."""
    raise ToolFailure("out of order; come tomorrow")


@app.tool
async def seen(ctx: ToolContext) -> dict[str, Any]:
    """Tells what of the call reached the tool."""
    _log.info("looking at the call")
    return {
        "correlation_id": ctx.correlation_id,
        "trace_id": ctx.trace.trace_id,
        "remaining": ctx.time_remaining(),
        "metadata": dict(ctx.metadata),
    }


@app.tool
def seen_in_a_thread() -> str:
    """Logs from a plain function."""
    _log.info("looking from a thread")
    return "seen"


@app.tool
def seen_in_a_stream() -> Iterator[str]:
    """Logs from a generator, which runs in a thread piece by piece."""
    yield "first"
    _log.info("looking from a stream")
    yield "second"


@app.tool
async def hold(folder: str, seconds: float = 30.0) -> str:
    """Stays in the call, and leaves files that say so: began, and cancelled or finished."""
    Path(folder, "began").touch()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        Path(folder, "cancelled").touch()
        raise
    Path(folder, "finished").touch()
    return "held"


@app.tool
async def flood(chunks: int, size: int) -> AsyncIterator[str]:
    """Sends a lot, as fast as it goes."""
    chunk = "x" * size
    for _ in range(chunks):
        yield chunk


@app.tool
async def swallow(folder: str, ctx: ToolContext) -> AsyncIterator[str]:
    """A conversation that reads nothing until a file `go` appears, then counts."""
    yield "listening"
    while not Path(folder, "go").exists():
        await asyncio.sleep(0.02)
    count = 0
    async for _ in ctx.inputs():
        count += 1
    yield str(count)


@app.tool
async def shout(ctx: ToolContext) -> AsyncIterator[str]:
    """A conversation: says each word again, louder."""
    async for message in ctx.inputs():
        yield str(message["word"]).upper()
