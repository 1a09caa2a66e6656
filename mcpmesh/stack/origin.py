"""Where a call of a bridge's comes from, as every hop after it is told."""

from typing import NamedTuple

from mcpmesh.model.principal import ANONYMOUS, Principal
from mcpmesh.model.trace import TraceContext

#: gRPC metadata: ASCII keys in lower case.
Metadata = tuple[tuple[str, str], ...]


class Origin(NamedTuple):
    """A call's place in a trace, its correlation id, and what else its caller says.

    A named tuple, since every call makes one. `baggage` is the caller's, as it wrote it;
    `principal` is whom the caller proved to be, for a router in the same process.
    """

    trace: TraceContext | None = None
    correlation_id: str = ""
    baggage: str = ""
    metadata: Metadata = ()
    principal: Principal = ANONYMOUS
