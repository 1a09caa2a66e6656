"""What is set alike for whatever a command runs."""

from dataclasses import dataclass, field

from mcpmesh.config import AccessSettings, LimitSettings, ProcessSettings, TlsSettings


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """How a process runs, what it speaks TLS with, and what it allows its peers.

    `access` is for who takes calls from outside: routers and bridges.
    """

    process: ProcessSettings
    tls: TlsSettings
    limits: LimitSettings
    access: AccessSettings = field(default_factory=AccessSettings)
