"""What of a bridge rarely needs changing; the rest is in `config.bridge.BridgeSettings`."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tuning:
    """Limits and habits of a bridge.

    Units: seconds; what ends in `_ms` in milliseconds.
    """

    #: Most tools in one page of tools/list.
    page_size: int = 1000
    #: How long a client may keep a list or a discovery without asking again.
    list_ttl_ms: int = 5000
    #: How long tools/list waits for the mesh's first list after a start.
    first_list_timeout: float = 5.0
    #: How long a client may take to send a request's head, and its body.
    head_timeout: float = 30.0
    body_timeout: float = 30.0
    #: Most messages of one batch that are answered at once.
    batch_width: int = 16
    #: Most bytes of streamed chunks that are gathered for one result.
    max_gathered_bytes: int = 16 * MIB
    #: Most notifications of progress of one call per second, and at once; more come together.
    progress_rate: float = 20.0
    progress_burst: int = 20
    #: How long a legacy session id is good.
    session_ttl: float = 24 * 3600.0
    #: How long a tool's question may be answered.
    request_state_ttl: float = 3600.0
    #: How long a legacy client may take to answer a question that it was sent.
    ask_timeout: float = 600.0
    #: Most rounds of questions in one call of a legacy client.
    max_rounds: int = 32
    #: When a client whose stream ended comes back, in milliseconds.
    retry_ms: int = 1000
    #: Most requests in flight on one stdio connection.
    max_stdio_requests: int = 256
    #: How long requests in flight may take after the end of the standard input.
    stdio_grace: float = 2.0
    #: How long an answer to a call with an idempotency key is kept, and most bytes of all of them.
    kept_answer_ttl: float = 600.0
    max_kept_answer_bytes: int = 16 * MIB
    #: The HTTP header's trace context beats that of `_meta` when they disagree.
    header_trace_wins: bool = True
    #: Told to models by initialize and server/discover.
    instructions: str = ""
