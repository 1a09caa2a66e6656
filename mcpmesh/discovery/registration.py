"""What the registry keeps of one replica, and the changes of it."""

from dataclasses import dataclass, field

from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool


@dataclass(frozen=True, slots=True)
class Registration:
    """A replica and its tools, under the versions that the mesh keeps them.

    `arrivals` says when the version of each tool first came, in the order of `tools`; greater is
    newer. `expires_at` is None for a static replica and where another process keeps the lease. It
    does not count in a comparison: a renewed registration is the same registration.
    """

    replica: Replica
    tools: tuple[Tool, ...]
    draining: bool = False
    static: bool = False
    arrivals: tuple[int, ...] = ()
    expires_at: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class RegistrationUpdated:
    """A replica that came, changed or drains; the registry's version after it."""

    version: int
    registration: Registration


@dataclass(frozen=True, slots=True)
class RegistrationRemoved:
    """A replica that is gone; the registry's version after it."""

    version: int
    replica_id: str


RegistryChange = RegistrationUpdated | RegistrationRemoved
