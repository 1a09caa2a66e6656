"""A client connected to the router, or a sentence that says why not."""

import asyncio
import os
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from errno import ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOENT

from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.config import NO_TLS, TlsSettings
from mcpmesh.errors import NoReplica
from mcpmesh.model.address import Address
from mcpmesh.rpc import Channel
from mcpmesh.sdk.client import Client
from mcpmesh.transport.reason import reason_of

#: Seconds until a host that does not answer is taken for absent.
CONNECT_TIMEOUT = 5.0
#: How an HTTP/2 client begins, its empty SETTINGS included; a server's own SETTINGS answer it.
#: Source: RFC 9113, sections 3.4, 4.1 and 6.5.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME_HEAD_BYTES = 9
_SETTINGS = 4
#: What the system says where a router may be missing.
_NOBODY_THERE = frozenset(map(os.strerror, (ECONNREFUSED, ENOENT, EHOSTUNREACH, ENETUNREACH)))


@dataclass(frozen=True, slots=True)
class Reach:
    """How a command reaches the mesh."""

    router: str
    tls: TlsSettings = NO_TLS


@asynccontextmanager
async def connected(reach: Reach) -> AsyncIterator[Client]:
    """Open a client once the router's port answers, as HTTP/2.

    gRPC tells "nobody listens" and "no replica" apart in its message only, and has no words for
    a port that speaks something else, so the port is tried first.
    Raises: CommandError; InvalidSetting for TLS files that cannot be used.
    """
    await _try(reach)
    async with Client(reach.router, tls=reach.tls) as client:
        yield client


async def _try(reach: Reach) -> None:
    address = Address.parse(reach.router)
    if reach.tls.connects or address.is_unix:
        await _try_as_channel(reach)
        return
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            speaks = await _speaks_http2(reader, writer)
    except (OSError, TimeoutError) as error:
        reason = "no answer" if isinstance(error, TimeoutError) else reason_of(error)
        raise _unreachable(reach.router, reason) from error
    if not speaks:
        raise CommandError(
            f"{reach.router} does not speak gRPC; is it the bridge's port? Name the router's "
            "with --router HOST:PORT, and with --tls-ca whom to trust if it wants TLS",
            Exit.UNAVAILABLE,
        )


async def _try_as_channel(reach: Reach) -> None:
    """Connect as a channel does, which knows why TLS fails."""
    async with Channel(reach.router, tls=reach.tls) as channel:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await channel.ready(wait_for_ready=False)
        except TimeoutError as error:
            raise _unreachable(reach.router, "no answer") from error
        except NoReplica as error:
            reason = error.message.removeprefix(f"cannot connect to {reach.router}: ")
            if reason in _NOBODY_THERE:
                raise _unreachable(reach.router, reason) from error
            # Somebody is: it is a matter of certificates, which the reason says.
            raise


def _unreachable(router: str, reason: str) -> CommandError:
    return CommandError(
        f"cannot connect to {router}: {reason}; start a mesh with `mcpmesh up MODULE:APP` "
        "or name its router with --router HOST:PORT",
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
