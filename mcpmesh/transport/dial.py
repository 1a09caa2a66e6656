"""Connects links to addresses: TCP or Unix, with TLS or without."""

from __future__ import annotations

import asyncio
import socket

from mcpmesh.model.address import Address
from mcpmesh.transport.credentials import H2, ChannelCredentials
from mcpmesh.transport.link import Link
from mcpmesh.transport.tls import TlsTransport

#: What a Unix socket's server is called in its certificate, as gRPC has it.
_UNIX_NAME = "localhost"
_LOOPBACK = "127.0.0.1"


async def dial(
    address: Address, link: Link, credentials: ChannelCredentials | None, *, name: str = ""
) -> None:
    """Connect a link; the TLS handshake, if any, goes on after it.

    `name` is what the server's certificate must have when the credentials name nothing; empty
    means the host. Of a name's addresses the first that answers is taken.
    Raises: OSError.
    """
    protocol: asyncio.Protocol = link
    if credentials is not None:
        protocol = TlsTransport(
            link,
            credentials.context(),
            server_name=credentials.server_name or name or server_name(address),
            protocol=H2,
            patience=link.times.handshake,
            secured=link.secured,
        )
    loop = asyncio.get_running_loop()
    if address.is_unix:
        await loop.create_unix_connection(lambda: protocol, sock=await unix_socket(address))
    else:
        await loop.create_connection(lambda: protocol, address.host or _LOOPBACK, address.port)


def server_name(address: Address) -> str:
    """Return the name that a server's certificate must have at an address."""
    return _UNIX_NAME if address.is_unix else address.host or _LOOPBACK


async def unix_socket(address: Address) -> socket.socket:
    """Connect a Unix socket: uvloop's own way knows no abstract names.

    Raises: OSError.
    """
    connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connecting, address.socket_path)
    except BaseException:
        connecting.close()
        raise
    return connecting
