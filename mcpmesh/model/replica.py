"""One running server of tools."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import Address
from mcpmesh.model.tool import check_labels, check_name

MAX_WEIGHT = 1000
MAX_SERVICES = 100
#: Of a host, in characters (RFC 1035).
MAX_NAME = 255
_SERVICE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Replica:
    """A running server of tools: who it is and where it answers.

    `services` are the full names of other gRPC services that it serves; `server_name` is what its
    certificate has, when that is not the endpoint's host.
    Raises: InvalidCall naming the field that is malformed.
    """

    id: str
    endpoint: str
    server: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    services: tuple[str, ...] = ()
    server_name: str = ""

    def __post_init__(self) -> None:
        check_name("replica id", self.id)
        if self.server:
            check_name("server name", self.server)
        if not 1 <= self.weight <= MAX_WEIGHT:
            raise InvalidCall(f"replica {self.id}: weight {self.weight} is not 1 to {MAX_WEIGHT}")
        check_labels(f"replica {self.id}", self.labels)
        check_services(f"replica {self.id}", self.services)
        Address.parse(self.endpoint)
        if len(self.server_name) > MAX_NAME or not self.server_name.isascii():
            raise InvalidCall(f"replica {self.id}: server_name is not a host's name")

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
