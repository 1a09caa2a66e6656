"""A tool that tells its progress once a second."""

import asyncio

from mcpmesh import ToolContext, ToolServer

app = ToolServer("ticking")


@app.tool(timeout=600)
async def tick(seconds: int, ctx: ToolContext) -> int:
    """Count the seconds, and tell of each."""
    for second in range(1, seconds + 1):
        await asyncio.sleep(1)
        await ctx.progress(second, seconds)
    return seconds
