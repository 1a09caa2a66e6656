"""Calls tools with mcpmesh's own client: typed results, streams, errors as classes.

Run it beside a mesh with the examples: python examples/clients/python_client.py [HOST:PORT]
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mcpmesh import Chunk, Client, ProgressEvent, Question, SyncClient, ToolError
from mcpmesh.errors import ToolNotFound


class Month(BaseModel):
    """What this program wants to know of a month; the tool may say more."""

    rain_mm: float
    mean_high_c: float


async def confirm(question: Question) -> Mapping[str, Any]:
    """Answer what a tool asks back; a real program would ask its user."""
    print("the tool asks:", question.params["message"])
    return {"action": "accept", "content": {"answer": True}}


async def main(target: str) -> None:
    """Find tools, call one, stream two, and meet each kind of failure."""
    async with Client(target, default_timeout=10) as client:
        print("tools:", *[tool.name for tool in await client.list_tools()])

        july = {"year": 2012, "month": 7}
        month = await client.call("weather_month", july, result_type=Month)
        print(f"July 2012: {month.data.rain_mm} mm of rain ({month.correlation_id})")

        async with client.stream("prices", {"symbol": "MSFT", "delay": 0}) as events:
            prices = [event.data["usd"] async for event in events if isinstance(event, Chunk)]
        print(f"{len(prices)} prices, {min(prices)} to {max(prices)} $")

        async for event in client.stream("temperature_report", {"pause": 0.1}):
            if isinstance(event, ProgressEvent):
                print(f"{event.progress:.0f} of {event.total:.0f}: {event.message}")

        booked = await client.call("book_table", {"guests": 12}, on_input=confirm)
        print(booked.text)

        try:
            (await client.call("flaky", {"how": "busy"})).raise_for_error()
        except ToolError as error:
            print(f"{error}; try again: {error.retryable}, in {error.retry_after_ms} ms")
        try:
            await client.call("wether_month")
        except ToolNotFound as error:
            print(error)


def without_a_loop(target: str) -> None:
    """The same client for scripts and threads."""
    with SyncClient(target) as client:
        print("primes below 100:", client.call("primes", {"below": 100}).data["count"])


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7070"
    asyncio.run(main(address))
    without_a_loop(address)
