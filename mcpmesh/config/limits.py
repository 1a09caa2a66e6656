"""Settings of everything that takes connections: what one peer, and all of them, may ask."""

from dataclasses import dataclass
from typing import Self

from mcpmesh.config.checks import KIB, MIB, InvalidSetting, check_between, check_seconds

_MAX_COUNT = 2**31 - 1
_UNFINISHED_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits of a router, a tool server or a bridge; the defaults are safe on an open port.

    Raises: InvalidSetting.
    """

    max_message_bytes: int = 4 * MIB
    """Largest gRPC message taken, in bytes."""
    max_metadata_bytes: int = 16 * KIB
    """Largest header list of a call, in bytes."""
    max_frame_bytes: int = 16 * KIB
    """Largest HTTP/2 frame taken, in bytes."""
    max_unfinished_bytes: int = _UNFINISHED_BYTES
    """Most bytes of large requests under way on one connection, and of answers it does not read."""
    max_concurrent_streams: int = 1000
    """Most calls at once on one connection."""
    max_connections: int = 4096
    """Most connections at once, of all peers."""
    max_connections_per_peer: int = 1024
    """Most connections at once from one address."""
    max_resets: int = 200
    """Calls that a peer may break off ahead of those it finishes, a tenth more each second; \
a tool server, whose peers are routers with many callers, allows a hundred times as many."""
    max_control_frames: int = 1000
    """Frames that bring no call forward (PING, SETTINGS, …) a peer may send ahead of its calls; \
a tenth more each second."""
    handshake_timeout: float = 10.0
    """Seconds until a new connection has to be set up."""
    header_timeout: float = 10.0
    """Seconds until a call's headers, once begun, have to be complete."""
    request_timeout: float = 60.0
    """Seconds until a request that is one message, once begun, has to be complete."""
    idle_timeout: float = 600.0
    """Seconds without a call after which a connection is closed; 0 for never."""
    max_connection_age: float = 0.0
    """Seconds after which a connection is drained, give or take a tenth; 0 for never."""
    max_connection_age_grace: float = 30.0
    """Seconds that calls on a connection that is too old get to finish."""

    def __post_init__(self) -> None:
        check_between("max_message_bytes", self.max_message_bytes, KIB, 1024 * MIB)
        check_between("max_metadata_bytes", self.max_metadata_bytes, KIB, MIB)
        check_between("max_frame_bytes", self.max_frame_bytes, 16 * KIB, 16 * MIB - 1)
        check_between("max_unfinished_bytes", self.max_unfinished_bytes, 64 * KIB, 64 * 1024 * MIB)
        needed = _room(self.max_message_bytes)
        if self.max_unfinished_bytes < needed:
            raise InvalidSetting(
                "max_unfinished_bytes",
                f"{self.max_unfinished_bytes} has no room for a message of max_message_bytes, "
                f"{self.max_message_bytes}: make it {needed} or more, or take smaller messages",
            )
        for name in (
            "max_concurrent_streams", "max_connections", "max_connections_per_peer", "max_resets",
            "max_control_frames",
        ):  # fmt: skip
            check_between(name, getattr(self, name), 1, _MAX_COUNT)
        for name in ("handshake_timeout", "header_timeout", "request_timeout"):
            check_seconds(name, getattr(self, name), 0.1)
        for name in ("idle_timeout", "max_connection_age", "max_connection_age_grace"):
            check_seconds(name, getattr(self, name))

    @classmethod
    def of_messages(cls, max_message_bytes: int) -> Self:
        """Return limits for messages of this size, with room for one on each connection."""
        room = max(_UNFINISHED_BYTES, _room(max_message_bytes))
        return cls(max_message_bytes=max_message_bytes, max_unfinished_bytes=room)


def _room(max_message_bytes: int) -> int:
    """Return what a message takes while it comes in: itself, and something for each piece."""
    return max_message_bytes + max_message_bytes // 16 + KIB
