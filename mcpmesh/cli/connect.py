"""A client connected to the router, or a sentence that says why not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcpmesh.cli.endpoint import reason_of
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.config import ClientSettings
from mcpmesh.model.replica import split_endpoint
from mcpmesh.sdk.client import Client

#: Seconds until a host that does not answer is taken for absent.
CONNECT_TIMEOUT = 5.0


@asynccontextmanager
async def connected(settings: ClientSettings) -> AsyncIterator[Client]:
    """Open a client once the router's port answers.

    gRPC tells "nobody listens" and "no replica" apart in its message only, so the port is tried
    first.
    Raises: CommandError.
    """
    await _try(settings.router)
    async with Client(settings.router) as client:
        yield client


async def _try(endpoint: str) -> None:
    host, port = split_endpoint(endpoint)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else reason_of(error)
        raise CommandError(
            f"cannot connect to {endpoint}: {reason}; start a mesh with `mcpmesh up MODULE:APP` "
            "or name its router with --router HOST:PORT",
            Exit.UNAVAILABLE,
        ) from error
    writer.close()
