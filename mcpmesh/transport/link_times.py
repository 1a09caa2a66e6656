"""How long a link's peer is waited for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkTimes:
    """When a link is looked after.

    Units: seconds; 0 means never for `silence`, `idle` and `age`.
    """

    #: The silence after which a link with open streams is asked whether it lives, and the time it
    #: has for the answer.
    keepalive: float = 20.0
    #: The silence of a server with open streams after which its link's `on_silence` is told; half
    #: of it passes before it is asked. Then `keepalive` is only the time it has for the answer
    #: until the link is ended.
    silence: float = 0.0
    #: The time for the preface.
    handshake: float = 10.0
    #: The time for a header block, from its first byte that was seen.
    header: float = 10.0
    #: The time for a request that is one message.
    request: float = 60.0
    #: The time without a stream after which a server drains a link.
    idle: float = 0.0
    #: The age at which a server drains a link, give or take a tenth, and what streams get then.
    age: float = 0.0
    age_grace: float = 30.0
