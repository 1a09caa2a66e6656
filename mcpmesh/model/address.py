"""Where something listens or is reached: an address as gRPC's naming writes it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from mcpmesh.errors import InvalidCall

Scheme = Literal["", "dns", "unix", "unix-abstract"]
#: Hosts that mean "all addresses" to who listens.
UNSPECIFIED = frozenset({"", "0.0.0.0", "::", "0:0:0:0:0:0:0:0"})
#: What the kernel has room for in a Unix socket's name, the final zero not counted.
_MAX_PATH_BYTES = 107


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a TCP port or of a Unix socket.

    With the scheme `dns`, every address of the name is meant; without, whichever answers first.
    Shape: `path` is the path, or abstract name, of a Unix socket; `host` and `port` are empty
    then.
    Raises: InvalidCall saying what a proper address looks like.
    Source: gRPC name resolution, https://grpc.github.io/grpc/core/md_doc_naming.html.
    """

    scheme: Scheme = ""
    host: str = ""
    port: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        if self.is_unix:
            if not self.path:
                raise InvalidCall(f"address {self.scheme}: has no path; write unix:/PATH")
            if "\0" in self.path or len(self.path.encode()) > _MAX_PATH_BYTES:
                raise InvalidCall(
                    f"address {self.scheme}:{self.path[:_MAX_PATH_BYTES]!r}: a Unix socket's path "
                    f"has at most {_MAX_PATH_BYTES} bytes, none of them zero"
                )
        elif self.scheme == "dns" and (self.host in UNSPECIFIED or not self.port):
            raise InvalidCall(f"address {self}: dns needs a name and a port above 0")

    def __str__(self) -> str:
        if self.is_unix:
            return f"{self.scheme}:{self.path}"
        return ("dns:///" if self.scheme else "") + join_endpoint(self.host, self.port)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read HOST:PORT, [::1]:PORT, unix:/PATH, unix-abstract:NAME or dns:///NAME:PORT.

        Raises: InvalidCall saying what a proper address looks like.
        """
        if not isinstance(text, str):
            raise InvalidCall(
                f"address {text!r:.100} is not text; write it as '127.0.0.1:7070' or 'unix:/PATH'"
            )
        scheme, _, rest = text.partition(":")
        if scheme == "unix":
            return cls("unix", path=_without_authority(text, rest))
        if scheme == "unix-abstract":
            return cls("unix-abstract", path=rest)
        if scheme == "dns":
            host, port = _host_and_port(text, _without_authority(text, rest).removeprefix("/"))
            return cls("dns", host, port)
        if scheme in ("ipv4", "ipv6") and rest:
            host, port = _host_and_port(text, rest)
            family = {"ipv4": IPv4Address, "ipv6": IPv6Address}[scheme]
            if not isinstance(_ip(host), family):
                raise InvalidCall(f"address {text!r}: {host!r} is not an {scheme} address")
            return cls("", host, port)
        return cls("", *_host_and_port(text, text))

    @property
    def is_unix(self) -> bool:
        """Tell whether it is a Unix socket's."""
        return self.scheme in ("unix", "unix-abstract")

    @property
    def is_local(self) -> bool:
        """Tell whether only this machine can reach it."""
        if self.is_unix or self.host == "localhost":
            return True
        ip = _ip(self.host)
        return ip is not None and ip.is_loopback

    @property
    def is_complete(self) -> bool:
        """Tell whether somebody can connect to it: a host and a port are there, or a path."""
        return self.is_unix or bool(self.host and self.port)

    @property
    def socket_path(self) -> str:
        """What a Unix socket is bound to; an abstract one's name begins with a zero byte."""
        return "\0" + self.path if self.scheme == "unix-abstract" else self.path

    @property
    def label(self) -> str:
        """The host, or the Unix socket, as spans and metrics name it."""
        return str(self) if self.is_unix else self.host


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Split HOST:PORT; the host may be empty, an IPv6 host stands in brackets.

    Raises: InvalidCall saying what a proper endpoint looks like.
    """
    return _host_and_port(endpoint, endpoint)


def join_endpoint(host: str, port: int) -> str:
    """Write HOST:PORT, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _host_and_port(text: str, rest: str) -> tuple[str, int]:
    host, colon, port = rest.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        form = "dns:///NAME:PORT" if text.startswith("dns:") else "HOST:PORT"
        raise InvalidCall(f"endpoint {text!r} is not {form} with a port of 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host or "/" in host:
        raise InvalidCall(
            f"endpoint {text!r} is not HOST:PORT; write an IPv6 host in brackets, [::1]:7070, "
            "and a Unix socket as unix:/PATH"
        )
    return host, int(port)


def _without_authority(text: str, rest: str) -> str:
    """Return what follows SCHEME:, or SCHEME:// and an empty authority."""
    if not rest.startswith("//"):
        return rest
    if not rest.startswith("///"):
        raise InvalidCall(
            f"address {text!r} names an authority after //, which is not supported; "
            "write three slashes, as in dns:///NAME:PORT and unix:///PATH"
        )
    return rest[2:]


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        # The zone of a link-local address says which interface, not who may reach it.
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
