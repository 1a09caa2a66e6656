"""Addresses to listen on and to connect to."""

import errno
import socket
from dataclasses import replace

from mcpmesh.cli.exits import CommandError, Exit
from mcpmesh.model.address import Address, join_endpoint
from mcpmesh.transport.reason import reason_of

#: Hosts that mean "all addresses": nobody can connect to them by that name.
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


def reachable(endpoint: str) -> str:
    """Return how a process on this machine connects to what listens on an endpoint."""
    address = Address.parse(endpoint)
    if address.is_unix:
        return endpoint
    return str(replace(address, host=_EVERYWHERE.get(address.host, address.host)))


def numbered(endpoint: str, index: int) -> str:
    """Return the endpoint of the index-th of several servers: ports count up, 0 stays 0.

    Unix sockets after the first have their number behind a dot.
    """
    address = Address.parse(endpoint)
    if address.is_unix:
        return str(replace(address, path=f"{address.path}.{index}")) if index else endpoint
    return str(replace(address, port=address.port + index)) if address.port else endpoint


def reserve(endpoint: str, option: str) -> tuple[socket.socket, str]:
    """Take a port for several processes that share it with SO_REUSEPORT; nobody listens yet.

    Returns the socket, which holds the port while it is open, and the endpoint with its port.
    Raises: CommandError when the port is taken: SO_REUSEPORT alone would let a second mesh of
    the same user slip in between unseen, so the port is first tried without.
    """
    address = Address.parse(endpoint)
    if address.is_unix:
        raise CommandError(f"{endpoint} cannot be shared by several processes; give HOST:PORT")
    host, port = address.host, address.port
    try:
        if port:
            _bound(host, port, shared=False).close()
        held = _bound(host, port, shared=True)
    except OSError as error:
        raise cannot_listen(endpoint, option, error) from error
    return held, join_endpoint(host, held.getsockname()[1])


def cannot_listen(endpoint: str, option: str, error: OSError) -> CommandError:
    """Return what to say when an address cannot be listened on."""
    advice = (
        "stop what uses it or give another address"
        if error.errno == errno.EADDRINUSE
        else "give an address of this machine"
    )
    return CommandError(
        f"cannot listen on {endpoint}: {reason_of(error)}; {advice} with {option} HOST:PORT",
        Exit.UNAVAILABLE,
    )


def _bound(host: str, port: int, *, shared: bool) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def check_free(endpoint: str) -> None:
    """Try to bind an endpoint that something else will listen on.

    Raises: OSError with the system's reason, which gRPC's own server only logs.
    """
    address = Address.parse(endpoint)
    if not address.is_unix:
        _bound(address.host, address.port, shared=False).close()


def free_port(host: str) -> int:
    """Return a port that nobody uses now."""
    with _bound(host, 0, shared=False) as probe:
        return int(probe.getsockname()[1])
