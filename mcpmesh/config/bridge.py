"""Settings of a bridge."""

from dataclasses import dataclass, field

from mcpmesh.config.checks import (
    KIB,
    MIB,
    InvalidSetting,
    check_between,
    check_host,
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
    cors: bool = False
    """Let pages of the allowed origins read answers (CORS), those of loopback too."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may give, or *; localhost and IP addresses always may. \
Without any: all names, but where the bridge listens on loopback no others."""
    max_depth: int = 128
    """Most levels of JSON in an HTTP body."""
    max_batch: int = 100
    """Most messages in a JSON-RPC batch."""
    max_requests_per_peer: int = 512
    """Most HTTP requests of one address answered at once, streams too; 0 for any number."""
    max_answer_bytes: int = 32 * MIB
    """Largest answer to a call that is passed on, in bytes."""
    heartbeat: float = 15.0
    """Seconds of silence on an open HTTP stream after which a comment keeps it alive."""
    sse: bool = False
    """Serve HTTP+SSE, the transport of revision 2024-11-05, too: at /sse."""
    poll_after: float = 0.0
    """Seconds after which a stream of revision 2025-11-25 gives its connection back; 0 is never."""
    resume_within: float = 60.0
    """Seconds that a client of revisions before 2026 has to come back to a stream it lost."""
    max_stream_bytes: int = MIB
    """Most bytes kept of a stream whose client may come back, beside its response."""
    max_kept_bytes: int = 64 * MIB
    """Most bytes kept of all streams that nobody reads; beyond it the oldest are forgotten."""
    session_key: str = field(default="", repr=False)
    """Secret that signs session ids, the same on all bridges of a mesh; empty draws one."""
    compact_list: bool = False
    """List to models only search_tools, describe_tool and pinned_tools."""
    pinned_tools: tuple[str, ...] = ()
    """Tools that a compact list has too; call_tool may be one."""
    list_labels: tuple[str, ...] = ()
    """Labels, as NAME=VALUE or NAME, that all that is listed has."""
    description_tokens: int = 0
    """Most tokens of a description in the list of tools, estimated; 0 for no limit."""

    def __post_init__(self) -> None:
        check_listen("http", self.http)
        check_between("max_body_bytes", self.max_body_bytes, KIB, 1024 * MIB)
        for origin in self.allowed_origins:
            check_origin("allowed_origins", origin)
        for host in self.allowed_hosts:
            check_host("allowed_hosts", host)
        check_between("max_depth", self.max_depth, 8, 250)
        check_between("max_batch", self.max_batch, 1, 10_000)
        check_between("max_requests_per_peer", self.max_requests_per_peer, 0, 2**31 - 1)
        check_between("max_answer_bytes", self.max_answer_bytes, KIB, 1024 * MIB)
        check_seconds("heartbeat", self.heartbeat, 1.0)
        check_seconds("poll_after", self.poll_after, 0.0)
        check_seconds("resume_within", self.resume_within, 0.0)
        check_between("max_stream_bytes", self.max_stream_bytes, KIB, 1024 * MIB)
        check_between("max_kept_bytes", self.max_kept_bytes, 0, 1024 * 1024 * MIB)
        check_between("description_tokens", self.description_tokens, 0, 100_000)
        if self.session_key and len(self.session_key) < MIN_SESSION_KEY_CHARACTERS:
            raise InvalidSetting(
                "session_key", f"shorter than {MIN_SESSION_KEY_CHARACTERS} characters"
            )
