"""Names of sockets' addresses, as gRPC writes them."""


def socket_name(address: object) -> str:
    """Name an address: ipv4:1.2.3.4:5, ipv6:[::1]:5, unix:/path, unix-abstract:name.

    A Unix client's own end has no name: unix:.
    """
    if isinstance(address, tuple) and len(address) >= 2:
        host, port = address[:2]
        return f"ipv6:[{host}]:{port}" if ":" in str(host) else f"ipv4:{host}:{port}"
    if isinstance(address, bytes):
        name = address.decode(errors="replace")
        return f"unix-abstract:{name[1:]}" if name[:1] == "\0" else f"unix:{name}"
    return f"unix:{address}" if isinstance(address, str) else "unknown"
