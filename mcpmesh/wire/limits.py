"""What one peer may ask of us before we end its connection."""

from dataclasses import dataclass

from mcpmesh.errors import InvalidCall
from mcpmesh.wire.frame import DEFAULT_FRAME_BYTES, MAX_WINDOW
from mcpmesh.wire.settings import Settings

_POSITIVE = (
    "max_concurrent_streams", "max_header_list_bytes", "control_flood", "reset_flood",
    "max_unfinished_bytes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one HTTP/2 connection, with safe defaults.

    Units: bytes, frames, streams. The flood limits count frames that cost us work and bring no
    call forward; every stream that ends well pays some of them back.
    Raises: InvalidCall naming the limit that is out of bounds.
    """

    max_concurrent_streams: int = 1_000
    stream_window_bytes: int = 256 * 1024
    connection_window_bytes: int = 8 * 1024 * 1024
    max_frame_bytes: int = 16 * 1024
    max_header_list_bytes: int = 16 * 1024
    #: SETTINGS, PING, PRIORITY, empty DATA, resets: how many may run ahead of useful work. A tenth
    #: is forgotten every second.
    control_flood: int = 1_000
    #: Streams opened and reset, by the peer or for its faults: how many may run ahead.
    reset_flood: int = 200
    #: Bytes kept for the peer beside the windows: of requests larger than a frame until they are
    #: done with, and as many of answers that it does not read.
    max_unfinished_bytes: int = 64 * 1024 * 1024
    #: Bytes of answers (PING and SETTINGS acks, resets) that may wait for a peer that won't read.
    max_waiting_control_bytes: int = 256 * 1024

    def __post_init__(self) -> None:
        if not DEFAULT_FRAME_BYTES <= self.max_frame_bytes <= 0xFFFFFF:
            raise InvalidCall(f"max_frame_bytes {self.max_frame_bytes} is not 16384 to 16777215")
        for name in ("stream_window_bytes", "connection_window_bytes"):
            if not 65_535 <= getattr(self, name) <= MAX_WINDOW:
                raise InvalidCall(f"{name} {getattr(self, name)} is not 65535 to 2^31-1")
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise InvalidCall(f"{name} {getattr(self, name)} is not above 0")

    def settings(self) -> Settings:
        """Return the SETTINGS that tell the peer of these limits."""
        return Settings(
            enable_push=0,
            max_concurrent_streams=self.max_concurrent_streams,
            initial_window_size=self.stream_window_bytes,
            max_frame_size=self.max_frame_bytes,
            max_header_list_size=self.max_header_list_bytes,
        )
