"""The tools of the soak."""

import asyncio
from collections.abc import AsyncIterator

from mcpmesh import ToolServer

app = ToolServer("soaked")


@app.tool(idempotent=True)
async def echo(text: str) -> str:
    """Say it again."""
    return text


@app.tool
async def pause(seconds: float) -> str:
    """Take that long."""
    await asyncio.sleep(seconds)
    return "rested"


@app.tool
async def count(to: int) -> AsyncIterator[str]:
    """Count, a number each millisecond."""
    for number in range(to):
        yield str(number)
        await asyncio.sleep(0.001)
