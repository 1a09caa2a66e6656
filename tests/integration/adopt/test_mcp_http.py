"""MCP servers over HTTP as upstreams: both eras, and HTTP+SSE."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mcpmesh import Client, ProgressEvent
from mcpmesh.adopt.copy import State
from mcpmesh.config import UpstreamSettings
from mcpmesh.errors import MeshError
from tests.integration.adopt.one_copy import TOYS, adopted, text_of
from tests.processes import listens


@asynccontextmanager
async def toy_server(port: int, transport: str) -> AsyncIterator[asyncio.subprocess.Process]:
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        *(*TOYS, str(port), transport), stdout=quiet, stderr=quiet
    )
    try:
        await listens(port, server)
        yield server
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("transport", "era", "path"),
    [
        ("streamable-http", "modern", "/mcp"),
        ("streamable-http", "legacy", "/mcp"),
        ("sse", "legacy", "/sse"),
    ],
)
async def test_a_server_over_http_is_called_lost_and_found_again(
    transport: str, era: str, path: str
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}{path}"
    settings = UpstreamSettings(url=url, era=era)  # type: ignore[arg-type]
    async with adopted(settings, url=url) as toys:
        await toys.until(State.AWAY)
        assert toys.copy.failure is not None
        assert "cannot be reached" in toys.copy.failure.message
        async with toy_server(port, transport):
            await toys.until(State.SERVING)
            async with Client(toys.endpoint) as client:
                assert await text_of(client, "add", {"a": 1, "b": 2}) == "3"
                pids = await asyncio.gather(*(text_of(client, "whoami") for _ in range(5)))
                assert len(set(pids)) == 1
                events = [event async for event in client.stream("count", {"to": 3})]
                assert any(isinstance(event, ProgressEvent) for event in events)
                with pytest.raises(MeshError):
                    await client.call("die")
                await toys.until(State.AWAY)
        async with toy_server(port, transport):
            await toys.until(State.SERVING)
            async with Client(toys.endpoint) as client:
                assert await text_of(client, "add", {"a": 2, "b": 2}) == "4"
