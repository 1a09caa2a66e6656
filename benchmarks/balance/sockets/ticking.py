"""Tools of the rolling restart: one that answers at once, one that streams for a while."""

import asyncio
from collections.abc import AsyncIterator

from mcpmesh import ToolServer

app = ToolServer("ticking")


@app.tool
async def work() -> str:
    """Answer after a moment."""
    await asyncio.sleep(0.02)
    return "done"


@app.tool(timeout=300.0)
async def tick(seconds: float) -> AsyncIterator[str]:
    """Say something every tenth of a second, for so long."""
    for number in range(round(seconds * 10)):
        yield f"{number}\n"
        await asyncio.sleep(0.1)
