"""A FastMCP server over HTTP, for FastMCP's own environment: `python fast_server.py PORT`."""

import os
import sys

from fastmcp import Context, FastMCP

server = FastMCP("fast")


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool(annotations={"readOnlyHint": True})
def whoami() -> str:
    """Tell which process this is."""
    return str(os.getpid())


@server.tool
async def count(to: int, ctx: Context) -> str:
    """Count, with progress."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to)
    return "done"


@server.prompt
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Say hello to {name}."


@server.resource("toy://shelf")
def shelf() -> str:
    """What is on the shelf."""
    return "ball"


if __name__ == "__main__":
    server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
