"""Where a replica answers when it does not know its own address: where it called from."""

from urllib.parse import unquote

from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import UNSPECIFIED, Address, join_endpoint

_IPV4_IN_IPV6 = "::ffff:"
_LOOPBACK = "127.0.0.1"


def complete_endpoint(endpoint: str, peer: str) -> str:
    """Return the endpoint, with the peer's host where its own is empty or unspecified.

    Shape: `peer` as a gRPC context gives it: ipv4:1.2.3.4:567, ipv6:[::1]:567 (the brackets may
    be percent-encoded), unix:/path.
    Raises: InvalidCall for a malformed endpoint, or a peer without a host.
    """
    address = Address.parse(endpoint)
    if address.is_unix:
        return endpoint
    if address.port == 0:
        raise InvalidCall(f"endpoint {endpoint!r}: port 0 is nowhere; give the port it answers on")
    if address.host not in UNSPECIFIED:
        return endpoint
    return join_endpoint(peer_host(peer), address.port)


def peer_host(peer: str) -> str:
    """Return the host of a gRPC peer.

    Raises: InvalidCall for a peer without one.
    """
    family, _, address = unquote(peer).partition(":")
    if family in {"unix", "unix-abstract"}:
        return _LOOPBACK
    if family in ("ipv4", "ipv6"):
        host = address.rpartition(":")[0].strip("[]")
        mapped = host.lower().removeprefix(_IPV4_IN_IPV6)
        if host:
            return mapped if mapped != host.lower() and "." in mapped else host
    raise InvalidCall(
        f"endpoint has no host and the caller's address {peer!r} tells none; give one"
    )
