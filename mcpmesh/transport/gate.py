"""Counts connections, all and by peer, and tells which are too many."""

from collections import Counter
from ipaddress import IPv6Address, ip_address

_TOO_MANY = "connections"
_TOO_MANY_OF_PEER = "connections_of_peer"


class Gate:
    """The connections of one server; those of one IPv6 network of 64 bits are one peer's."""

    def __init__(self, most: int, most_per_peer: int) -> None:
        self._most = most
        self._most_per_peer = most_per_peer
        self._by_peer: Counter[str] = Counter()
        self.count = 0

    def __repr__(self) -> str:
        return f"<Gate {self.count}/{self._most} of {len(self._by_peer)} peers>"

    def enter(self, peer: str) -> str:
        """Count a connection in; returns why not when there are too many, else nothing."""
        if self.count >= self._most:
            return _TOO_MANY
        if self._by_peer[peer] >= self._most_per_peer:
            return _TOO_MANY_OF_PEER
        self.count += 1
        self._by_peer[peer] += 1
        return ""

    def leave(self, peer: str) -> None:
        """Count a connection out."""
        self.count -= 1
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]


def peer_of(address: object) -> str:
    """Return whom a socket's address belongs to; all of a unix socket are one."""
    if not isinstance(address, tuple) or not address:
        return "unix"
    try:
        host = ip_address(str(address[0]).partition("%")[0])
    except ValueError:
        return str(address[0])
    if isinstance(host, IPv6Address):
        if host.ipv4_mapped is None:
            return str(IPv6Address(int(host) >> 64 << 64)) + "/64"
        return str(host.ipv4_mapped)
    return str(host)
