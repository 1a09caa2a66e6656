"""`make interop-mcp`: MCP clients of others against a mesh's bridge, as a table.

Ends with 1 when a check failed. A client that cannot be installed is left out, and why is said.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.e2e.commands import Command, command
from tests.installed import Missing
from tests.interop.table import show
from tests.interop_mcp.clients.checks import CHECKS
from tests.interop_mcp.columns import ALL, Bridge, Column, every

FIXTURE = "tests.interop_mcp.fixture:app"
_ANY_PORT = "127.0.0.1:0"
MESH = ("up", FIXTURE, "--replicas", "1", "--grpc", _ANY_PORT, "--http", _ANY_PORT, "--sse")
#: Clients at work at a time: most of their time they start.
_AT_ONCE = 3


def bridge_of(up: Command) -> Bridge:
    """Return how clients reach a mesh."""
    stdio = (sys.executable, "-m", "mcpmesh", "bridge", "--stdio", "--router", up.grpc)
    return Bridge(f"{up.url}/mcp", f"{up.url}/sse", stdio)


async def columns(bridge: Bridge) -> list[Column]:
    """Run all clients."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> Column:
        client, transport, era = found[number]
        async with turn:
            return await client.column(bridge, transport, era, install=True)

    found = list(every())
    return list(await asyncio.gather(*(one(number) for number in range(len(found)))))


def main() -> int:
    print("installing what is not there", file=sys.stderr)
    for client in ALL:  # one after the other, before the clock of any check
        try:
            client.start(True)
        except Missing as missing:
            print(f"{client.name} is left out: {missing}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder, command(Path(folder), *MESH) as up:
        told = asyncio.run(columns(bridge_of(up)))
    show(list(CHECKS), told)
    return int(any(any(column.wrong.values()) for column in told))


if __name__ == "__main__":
    sys.exit(main())
