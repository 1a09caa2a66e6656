"""A name whose SRV records say where a service is: srv:///_grpc._tcp.tools.example."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import join_endpoint, split_endpoint

_PORT = 53
_MAX_NAME = 253
_MAX_LABEL = 63


@dataclass(frozen=True, slots=True)
class SrvName:
    """What to ask the DNS for, and whom; without `server`, the system's name servers.

    Shape: `server` is an IP address.
    Raises: InvalidCall.
    Source: RFC 2782; the authority as in gRPC's dns://SERVER/NAME.
    """

    name: str
    server: str = ""
    port: int = _PORT

    def __post_init__(self) -> None:
        labels = self.name.split(".")
        if len(self.name) > _MAX_NAME or not all(0 < len(each) <= _MAX_LABEL for each in labels):
            raise InvalidCall(f"{self}: write srv:///_SERVICE._tcp.DOMAIN, as _grpc._tcp.example")
        if not self.name.isascii() or not self.domain or any(each in "/=," for each in self.name):
            raise InvalidCall(f"{self}: {self.name!r} is not a name such as _grpc._tcp.example")

    def __str__(self) -> str:
        server = self.server and join_endpoint(self.server, self.port)
        return f"srv://{server}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> SrvName:
        """Read srv:///NAME or srv://SERVER[:PORT]/NAME.

        Raises: InvalidCall saying what a proper name looks like.
        """
        start, _, name = text.removeprefix("srv://").partition("/")
        name = name.removesuffix(".")
        if not text.startswith("srv://") or not name:
            raise InvalidCall(f"{text!r}: write srv:///_SERVICE._tcp.DOMAIN, as _grpc._tcp.example")
        if not start:
            return cls(name)
        server, port = (start.strip("[]"), _PORT) if _is_ip(start) else split_endpoint(start)
        if not _is_ip(server) or not port:
            raise InvalidCall(f"{text!r}: the name server is not an IP address and a port")
        return cls(name, server, port)

    @property
    def domain(self) -> str:
        """The name without what names the service: tools.example of _grpc._tcp.tools.example."""
        labels = self.name.split(".")
        while labels and labels[0].startswith("_"):
            labels.pop(0)
        return ".".join(labels)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True
