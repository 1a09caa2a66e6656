"""What a caller says of a call before its body; one object for all calls with the same head."""

from dataclasses import dataclass

from mcpmesh.model.trace import TraceContext
from mcpmesh.wire.hpack_table import Headers


@dataclass(slots=True, eq=False)
class CallHead:
    """A call as its metadata describes it; nobody changes it.

    Not frozen: that would triple the cost of making one, and a bridge makes one for every call.

    Units: `timeout` in seconds, None without one.
    """

    #: SERVICE/METHOD.
    method: str
    #: What the replica gets, unchanged.
    forward: Headers = ()
    tool: str = ""
    version: str = ""
    timeout: float | None = None
    wait_for_ready: bool = False
    correlation_id: str = ""
    parent: TraceContext | None = None
    baggage: str = ""
    #: How compressed messages are compressed.
    encoding: bytes = b"identity"
    #: Why the head is malformed; empty when it is not.
    problem: str = ""
