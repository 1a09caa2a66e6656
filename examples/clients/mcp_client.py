"""Calls tools with the official MCP client, in both eras of the protocol.

Run it beside a mesh with the examples: python examples/clients/mcp_client.py [URL]
"""

import asyncio
import sys

from mcp import Client


async def show_progress(progress: float, total: float | None, message: str | None) -> None:
    """Print how far a call is."""
    print(f"  {progress:.0f} of {total or 0:.0f}: {message}")


async def main(url: str, mode: str) -> None:
    """List the tools and call two of them."""
    async with Client(url, mode=mode) as client:
        print(f"{mode}: MCP {client.protocol_version}")
        listed = await client.list_tools()
        print("  tools:", *[tool.name for tool in listed.tools])

        month = await client.call_tool("weather_month", {"year": 2012, "month": 7})
        print("  July 2012:", month.structured_content)

        report = await client.call_tool(
            "temperature_report", {"pause": 0.05}, progress_callback=show_progress
        )
        print(
            "  a report of",
            sum(len(getattr(part, "text", "")) for part in report.content),
            "letters",
        )

        refused = await client.call_tool("flaky", {"how": "refuse"})
        print(
            "  is_error:",
            refused.is_error,
            *[getattr(part, "text", "") for part in refused.content],
        )


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7080/mcp"
    for era in ("auto", "legacy"):
        asyncio.run(main(address, era))
