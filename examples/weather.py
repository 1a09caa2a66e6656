"""The weather that Seattle had, day by day, 2012 to 2015: typed results, alerts, failures."""

from collections import Counter
from datetime import date, datetime, timedelta
from statistics import mean
from typing import Annotated

from pydantic import BaseModel, Field

from examples.datasets import rows
from mcpmesh import ToolContext, ToolFailure, ToolServer

app = ToolServer("weather")


class Day(BaseModel):
    """The weather of one day."""

    day: date
    weather: str = Field(description="drizzle, fog, rain, snow or sun")
    rain_mm: float
    low_c: float
    high_c: float
    wind_m_s: float


class Month(BaseModel):
    """The weather of one month, summed up."""

    month: str
    days: dict[str, int] = Field(description="number of days of each kind of weather")
    rain_mm: float
    mean_high_c: float
    hottest: Day


def _read() -> dict[date, Day]:
    days = (
        Day(
            day=datetime.strptime(row["date"], "%Y/%m/%d").date(),
            weather=row["weather"],
            rain_mm=float(row["precipitation"]),
            low_c=float(row["temp_min"]),
            high_c=float(row["temp_max"]),
            wind_m_s=float(row["wind"]),
        )
        for row in rows("seattle-weather")
    )
    return {day.day: day for day in days}


DAYS = _read()
SPAN = f"{min(DAYS)} to {max(DAYS)}"


@app.tool(read_only=True, idempotent=True, timeout=2.0)
async def weather_history(
    start: date, ctx: ToolContext, days: Annotated[int, Field(ge=1, le=366)] = 7
) -> list[Day]:
    """The weather of Seattle, day by day; there are data for 2012 to 2015."""
    wanted = [start + timedelta(days=n) for n in range(days)]
    found = [DAYS[day] for day in wanted if day in DAYS]
    if not found:
        raise ToolFailure(f"there is no weather for {start}; ask for a day of {SPAN}")
    if len(found) < days:
        ctx.alert(f"Only {len(found)} of {days} days: the data are of {SPAN}.")
    return found


@app.tool(read_only=True, idempotent=True, timeout=2.0)
async def weather_month(year: int, month: Annotated[int, Field(ge=1, le=12)]) -> Month:
    """The weather of Seattle in one month: kinds of days, rain, highs, the hottest day."""
    days = [day for day in DAYS.values() if (day.day.year, day.day.month) == (year, month)]
    if not days:
        raise ToolFailure(f"there is no weather for {year}-{month:02}; ask for a month of {SPAN}")
    return Month(
        month=f"{year}-{month:02}",
        days=dict(Counter(day.weather for day in days)),
        rain_mm=round(sum(day.rain_mm for day in days), 1),
        mean_high_c=round(mean(day.high_c for day in days), 1),
        hottest=max(days, key=lambda day: day.high_c),
    )
