"""Serves gRPC on loopback while a test runs, with grpc.aio or with our own engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def listening(server: Any, address: str = "127.0.0.1:0") -> AsyncIterator[int]:
    """Start a server on a free port, or where it is told; yields the port."""
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)
