"""Settings of a bridge."""

from dataclasses import dataclass, field

from mcpmesh.config.checks import (
    KIB,
    MIB,
    InvalidSetting,
    check_between,
    check_listen,
    check_origin,
    check_seconds,
)

MIN_SESSION_KEY_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """Settings of a bridge.

    Raises: InvalidSetting.
    """

    http: str = "127.0.0.1:7080"
    """Where the bridge takes HTTP: HOST:PORT; port 0 takes a free one."""
    max_body_bytes: int = 4 * MIB
    """Largest HTTP body taken, in bytes."""
    allowed_origins: tuple[str, ...] = ()
    """Origins a browser may call from, or *; loopback origins always may."""
    heartbeat: float = 15.0
    """Seconds of silence on an open HTTP stream after which a comment keeps it alive."""
    session_key: str = field(default="", repr=False)
    """Secret that signs session ids, the same on all bridges of a mesh; empty draws one."""

    def __post_init__(self) -> None:
        check_listen("http", self.http)
        check_between("max_body_bytes", self.max_body_bytes, KIB, 1024 * MIB)
        for origin in self.allowed_origins:
            check_origin("allowed_origins", origin)
        check_seconds("heartbeat", self.heartbeat, 1.0)
        if self.session_key and len(self.session_key) < MIN_SESSION_KEY_CHARACTERS:
            raise InvalidSetting(
                "session_key", f"shorter than {MIN_SESSION_KEY_CHARACTERS} characters"
            )
