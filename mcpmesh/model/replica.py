"""One running server of tools."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import check_labels, check_name

MAX_WEIGHT = 1000
MAX_SERVICES = 100
_SERVICE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Replica:
    """A running server of tools: who it is and where it answers.

    `services` are the full names of other gRPC services that it serves.
    Raises: InvalidCall naming the field that is malformed.
    """

    id: str
    endpoint: str
    server: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    services: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("replica id", self.id)
        if self.server:
            check_name("server name", self.server)
        if not 1 <= self.weight <= MAX_WEIGHT:
            raise InvalidCall(f"replica {self.id}: weight {self.weight} is not 1 to {MAX_WEIGHT}")
        check_labels(f"replica {self.id}", self.labels)
        check_services(f"replica {self.id}", self.services)
        split_endpoint(self.endpoint)

    def __str__(self) -> str:
        return f"{self.id}@{self.endpoint}"


def check_services(whose: str, services: tuple[str, ...]) -> None:
    """Refuse too many services, or a name that no gRPC service has.

    Raises: InvalidCall naming the service.
    """
    if len(services) > MAX_SERVICES:
        raise InvalidCall(f"{whose}: {len(services)} services, more than {MAX_SERVICES}")
    for service in services:
        if not _SERVICE.fullmatch(service):
            raise InvalidCall(
                f"{whose}: service {service[:100]!r} is not a full name such as shop.v1.Orders"
            )


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """Split HOST:PORT; the host may be empty, an IPv6 host stands in brackets.

    Raises: InvalidCall saying what a proper endpoint looks like.
    """
    host, colon, port = endpoint.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidCall(f"endpoint {endpoint!r} is not HOST:PORT with a port of 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise InvalidCall(f"endpoint {endpoint!r}: write an IPv6 host in brackets, [::1]:7070")
    return host, int(port)


def join_endpoint(host: str, port: int) -> str:
    """Write HOST:PORT, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
