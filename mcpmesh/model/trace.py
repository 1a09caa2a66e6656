"""W3C trace context: which trace a call belongs to, and which span is its parent.

Source: W3C Trace Context, level 1.
"""

import re
from random import Random
from typing import NamedTuple

_TRACEPARENT = re.compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)
_CORRELATION_ID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
SAMPLED = 1


class TraceContext(NamedTuple):
    """A trace, the span that is the parent of what comes next, and whether it is recorded.

    A named tuple, since every call makes one, and a frozen dataclass takes longer.
    Units: `trace_id` 32, `span_id` 16 lower-case hex digits.
    """

    trace_id: str
    span_id: str
    sampled: bool = False
    state: str = ""

    def traceparent(self) -> str:
        """Write the header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse_traceparent(header: str, state: str = "") -> TraceContext | None:
    """Read a traceparent header; None when it is malformed, as the W3C rule says to ignore it."""
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16):
        return None
    if not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & SAMPLED), state)


def new_trace_id(rng: Random) -> str:
    """Draw a trace id: 32 hex digits, never all zero."""
    return f"{rng.getrandbits(128) or 1:032x}"


def new_span_id(rng: Random) -> str:
    """Draw a span id: 16 hex digits, never all zero."""
    return f"{rng.getrandbits(64) or 1:016x}"


def valid_correlation_id(text: str) -> bool:
    """Tell whether a caller's correlation id is 1 to 128 visible ASCII characters."""
    return _CORRELATION_ID.fullmatch(text) is not None
