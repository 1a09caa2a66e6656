"""A report that takes its time: progress and log lines while it runs, an end when cancelled."""

import asyncio
from collections import defaultdict
from datetime import datetime
from statistics import mean
from typing import Annotated

from pydantic import Field

from examples.datasets import rows
from mcpmesh import ToolContext, ToolServer

app = ToolServer("report")

Pause = Annotated[float, Field(ge=0, le=10, description="seconds that each month takes")]
WARM_F = 70.0


def _read() -> dict[str, dict[datetime, float]]:
    """Return the hourly temperatures of Seattle in 2010, by the name of the month."""
    months: dict[str, dict[datetime, float]] = defaultdict(dict)
    for row in rows("seattle-temps"):
        hour = datetime.strptime(row["date"], "%Y/%m/%d %H:%M")
        months[f"{hour:%B}"][hour] = float(row["temp"])
    return dict(months)


HOURS = _read()


@app.tool(read_only=True, idempotent=True, timeout=150.0)
async def temperature_report(ctx: ToolContext, pause: Pause = 0.5) -> str:
    """A report in Markdown on the temperatures of Seattle in 2010; slow, call it as a stream."""
    lines = ["| month | mean °F | coldest | hottest | warm hours |", "|---|---|---|---|---|"]
    for done, (month, hours) in enumerate(HOURS.items(), start=1):
        lines.append(_line(month, hours))
        if warm := _warm(hours):
            await ctx.log("notice", {"month": month, "warm_hours": warm})
        await ctx.progress(done, len(HOURS), f"{month} is done")
        # A cancelled caller ends the report here; there is nothing to clean up.
        await asyncio.sleep(pause)
    return "\n".join(["# Seattle, 2010", "", *lines])


def _line(month: str, hours: dict[datetime, float]) -> str:
    coldest, hottest = min(hours, key=hours.__getitem__), max(hours, key=hours.__getitem__)
    cells = (
        month,
        f"{mean(hours.values()):.1f}",
        f"{hours[coldest]} on the {coldest:%d.}",
        f"{hours[hottest]} on the {hottest:%d.}",
        str(_warm(hours)),
    )
    return f"| {' | '.join(cells)} |"


def _warm(hours: dict[datetime, float]) -> int:
    return sum(degrees >= WARM_F for degrees in hours.values())
