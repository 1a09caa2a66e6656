"""Prices of five stocks, month by month, 2000 to 2010: a result, a stream, a conversation."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from examples.datasets import rows
from mcpmesh import ToolContext, ToolFailure, ToolServer

app = ToolServer("stocks")

Symbol = Literal["AAPL", "AMZN", "GOOG", "IBM", "MSFT"]
Delay = Annotated[float, Field(ge=0, le=5, description="seconds between two prices")]


class Price(BaseModel):
    """What a share cost at the beginning of a month."""

    symbol: Symbol
    day: date
    usd: float


class Order(BaseModel):
    """A message of a conversation: whose price is asked for, and of when."""

    symbol: Symbol
    day: date


def _read() -> dict[str, list[Price]]:
    prices: dict[str, list[Price]] = {}
    for row in rows("stocks"):
        day = datetime.strptime(row["date"], "%b %d %Y").date()
        price = Price.model_validate({"symbol": row["symbol"], "day": day, "usd": row["price"]})
        prices.setdefault(row["symbol"], []).append(price)
    return prices


PRICES = _read()


def price_at(symbol: Symbol, day: date) -> Price:
    """Return the last price not after a day.

    Raises: ToolFailure when the stock was not traded yet.
    """
    known = PRICES[symbol]
    place = bisect_right(known, day, key=lambda price: price.day)
    if place == 0:
        raise ToolFailure(f"there is no price of {symbol} before {known[0].day}")
    return known[place - 1]


@app.tool(read_only=True, idempotent=True, timeout=2.0)
async def quote(symbol: Symbol, day: date) -> Price:
    """What a share of AAPL, AMZN, GOOG, IBM or MSFT cost on a day between 2000 and 2010."""
    return price_at(symbol, day)


@app.tool(read_only=True, idempotent=True)
async def prices(symbol: Symbol, delay: Delay = 0.05) -> AsyncIterator[Price]:
    """All prices of a share from 2000 to 2010, one after the other, as they came."""
    for price in PRICES[symbol]:
        yield price
        await asyncio.sleep(delay)


@app.tool(read_only=True)
async def quotes(symbol: Symbol, day: date, ctx: ToolContext) -> AsyncIterator[Price]:
    """A conversation about prices: each message asks for one, each answer is a chunk."""
    yield price_at(symbol, day)
    async for order in ctx.inputs(Order):
        yield price_at(order.symbol, order.day)
