"""A client connected to the router, or a sentence that says why not."""

import asyncio
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcpmesh.cli.endpoint import reason_of
from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.config import ClientSettings
from mcpmesh.model.address import split_endpoint
from mcpmesh.sdk.client import Client

#: Seconds until a host that does not answer is taken for absent.
CONNECT_TIMEOUT = 5.0
#: How an HTTP/2 client begins, its empty SETTINGS included; a server's own SETTINGS answer it.
#: Source: RFC 9113, sections 3.4, 4.1 and 6.5.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME_HEAD_BYTES = 9
_SETTINGS = 4


@asynccontextmanager
async def connected(settings: ClientSettings) -> AsyncIterator[Client]:
    """Open a client once the router's port answers, as HTTP/2.

    gRPC tells "nobody listens" and "no replica" apart in its message only, and has no words for
    a port that speaks something else, so the port is tried first.
    Raises: CommandError.
    """
    await _try(settings.router)
    async with Client(settings.router) as client:
        yield client


async def _try(endpoint: str) -> None:
    host, port = split_endpoint(endpoint)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port)
            speaks = await _speaks_http2(reader, writer)
    except (OSError, TimeoutError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else reason_of(error)
        raise CommandError(
            f"cannot connect to {endpoint}: {reason}; start a mesh with `mcpmesh up MODULE:APP` "
            "or name its router with --router HOST:PORT",
            Exit.UNAVAILABLE,
        ) from error
    if not speaks:
        raise CommandError(
            f"{endpoint} does not speak gRPC; is it the bridge's port? Name the router's with "
            "--router HOST:PORT",
            Exit.UNAVAILABLE,
        )


async def _speaks_http2(reader: StreamReader, writer: StreamWriter) -> bool:
    """Greet a server and tell whether its first frame is the SETTINGS of an HTTP/2 server."""
    try:
        writer.write(_PREFACE)
        return (await reader.readexactly(_FRAME_HEAD_BYTES))[3] == _SETTINGS
    except IncompleteReadError:
        return False
    finally:
        writer.close()
