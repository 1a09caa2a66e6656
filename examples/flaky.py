"""A tool that fails, in each way a tool can, so that you see what callers and models get."""

import asyncio
import random
from typing import Annotated, Literal

from pydantic import Field

from mcpmesh import ToolContext, ToolFailure, ToolServer

app = ToolServer("flaky")

How = Literal["raise", "refuse", "busy", "hang", "lie"]
Ratio = Annotated[float, Field(ge=0, le=1, description="share of calls that fail")]


@app.tool(timeout=5.0)
async def flaky(how: How, ratio: Ratio = 1.0) -> int:
    """Fail in the way asked for: raise a bug, refuse, be busy, hang, or return a wrong type."""
    if random.random() >= ratio:
        return 42
    if how == "raise":
        # A bug: the model reads that the tool failed, the traceback goes to the log.
        return 1 // 0
    if how == "refuse":
        # On purpose: the model reads this sentence and can act on it.
        raise ToolFailure("the warehouse is closed on Sundays; order on a weekday")
    if how == "busy":
        # The same call may succeed later, and says when.
        raise ToolFailure("all lines are busy", retryable=True, retry_after_ms=200)
    if how == "hang":
        # Until the call's deadline, or this tool's timeout.
        await asyncio.Event().wait()
    return "not a number"  # type: ignore[return-value]


@app.tool(timeout=30.0)
async def book_table(ctx: ToolContext, guests: int = 2) -> str:
    """Book a table; asks back before it books for many."""
    if guests > 8 and not await ctx.ask(f"Book a table for {guests}?", bool):
        raise ToolFailure("the user does not want a table that large")
    return f"A table for {guests} is booked."
