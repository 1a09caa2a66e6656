"""A lease: a registration that dies unless renewed."""

from dataclasses import dataclass

from mcpmesh.errors import ToolNotFound

DEFAULT_TTL = 10.0
MIN_TTL = 1.0
MAX_TTL = 300.0


class LeaseNotFound(ToolNotFound):
    """There is no such lease (any more); the replica must register again."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One replica's right to be in the catalog until `expires_at`."""

    id: str
    replica_id: str
    ttl: float
    expires_at: float

    def __repr__(self) -> str:
        return f"Lease(of {self.replica_id}, until {self.expires_at:.3f})"


def granted_ttl(wanted: float | None, default: float = DEFAULT_TTL) -> float:
    """Return the lease granted for the one wanted: the default for none, kept within limits."""
    return min(max(default if wanted is None else wanted, MIN_TTL), MAX_TTL)
