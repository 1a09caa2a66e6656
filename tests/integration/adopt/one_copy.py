"""Upstreams adopted in a test: their copies, and a client for each."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcpmesh import Client, ToolServer
from mcpmesh.adopt.copy import Copy, State
from mcpmesh.adopt.mcp_server import McpServer
from mcpmesh.adopt.parked import Parked
from mcpmesh.config import UpstreamSettings
from mcpmesh.policy.backoff import Backoff

HERE = Path(__file__).parent
TOYS = (sys.executable, str(HERE / "toy_server.py"))


def odd(mode: str) -> tuple[str, ...]:
    return sys.executable, str(HERE / "odd_server.py"), mode


class Adopted:
    """A copy of an upstream, and a client of its tool server."""

    def __init__(self, copy: Copy, upstream: McpServer) -> None:
        self.copy = copy
        self.upstream = upstream
        self.changed = asyncio.Event()

    @property
    def names(self) -> list[str]:
        return [tool.name for tool in self.copy.server.tools]

    @property
    def endpoint(self) -> str:
        return self.copy.server.replica.endpoint

    async def until(self, *states: State, names: set[str] | None = None) -> None:
        async with asyncio.timeout(60):
            while self.copy.state not in states or not (names or set()) <= set(self.names):
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def adopted(
    settings: UpstreamSettings, *, url: str = "", parked: Parked | None = None
) -> AsyncIterator[Adopted]:
    """Adopt one copy, and end it."""
    parked = Parked() if parked is None else parked
    upstream = McpServer("toys", settings, url=url, environ=os.environ, parked=parked, asking=set())
    server = ToolServer("toys", labels={"kind": "test"})

    async def start(server: ToolServer) -> None:
        await server.start()

    told: list[Adopted] = []
    copy = Copy(
        "toys/1",
        upstream,
        server,
        start,
        backoff=Backoff(first=0.05, factor=1.5, longest=0.5),
        on_change=lambda: [each.changed.set() for each in told] and None,
    )
    found = Adopted(copy, upstream)
    told.append(found)
    task = asyncio.create_task(copy.keep())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.wait((task,))
        parked.close()
        await server.stop(0)


async def text_of(client: Client, name: str, arguments: Any = None, **options: Any) -> str:
    """Call a tool and return its text."""
    return (await client.call(name, arguments or {}, **options)).raise_for_error().text
