"""On whose behalf a call is made, as far as that is proven."""

from dataclasses import dataclass

from mcpmesh.model.identity import PeerIdentity


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is known to call.

    Shape: `name` as `PeerIdentity.name` has it; empty for who proves nothing.
    """

    name: str = ""


ANONYMOUS = Principal()


def principal_of(identity: PeerIdentity | None) -> Principal:
    """Return whom a certificate names; nobody without one."""
    return Principal(identity.name) if identity is not None else ANONYMOUS
