"""W3C baggage: what a caller wants every hop to know; ours carries the correlation id.

Source: W3C Baggage (8,192 bytes, 180 members at most, as level 1 asked of every platform).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from mcpmesh.telemetry.attributes import CORRELATION_ID

MAX_BYTES = 8192
MAX_MEMBERS = 180
_VALUE_SAFE = "!#$&'()*+-./:<=>?@[]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Member:
    """One key with its decoded value, and the properties after it as they were written."""

    key: str
    value: str
    properties: str = ""


def parse_baggage(header: str) -> tuple[Member, ...]:
    """Read a baggage header; a member that is malformed or over the limits is left out."""
    members: list[Member] = []
    for text in _bounded(header.split(","), MAX_BYTES, MAX_MEMBERS):
        pair, _, properties = text.partition(";")
        key, equals, value = pair.partition("=")
        key, value = key.strip(), value.strip()
        if equals and _is_token(key):
            members.append(Member(key, unquote(value, errors="replace"), properties.strip()))
    return tuple(members)


def baggage_with_correlation(baggage: str, correlation_id: str) -> str:
    """Put the correlation id in front of a caller's baggage, in place of one that it had.

    In front, so that it is never what the limits cut off; the other members stay as written.
    """
    # Most ids are hex digits, which need no quotation, and asking is far cheaper.
    plain = correlation_id.isascii() and correlation_id.isalnum()
    value = correlation_id if plain else quote(correlation_id, safe=_VALUE_SAFE)
    own = f"{CORRELATION_ID}={value}"
    if not baggage:
        return own
    others = [text.strip() for text in baggage.split(",") if _key_of(text) != CORRELATION_ID]
    return ",".join(_bounded([own, *filter(None, others)], MAX_BYTES, MAX_MEMBERS))


def correlation_of(baggage: str) -> str:
    """Return the correlation id in a baggage header, or nothing."""
    if CORRELATION_ID not in baggage:
        return ""
    found = (m.value for m in parse_baggage(baggage) if m.key == CORRELATION_ID)
    return next(found, "")


def _bounded(texts: Sequence[str], max_bytes: int, max_members: int) -> list[str]:
    kept: list[str] = []
    size = -1
    for text in texts[:max_members]:
        size += len(text.encode("utf-8", "replace")) + 1
        if size > max_bytes:
            break
        kept.append(text)
    return kept


def _key_of(text: str) -> str:
    return text.partition("=")[0].strip()


def _is_token(key: str) -> bool:
    legal = "!#$%&'*+-.^_`|~"
    return bool(key) and key.isascii() and all(c.isalnum() or c in legal for c in key)
