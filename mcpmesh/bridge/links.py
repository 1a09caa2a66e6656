"""Trace context, baggage and correlation id of a request, from HTTP headers and `_meta`."""

import re
from collections.abc import Mapping
from typing import Any

from mcpmesh.bridge.exchange import Links
from mcpmesh.bridge.http_message import Headers
from mcpmesh.codec import mcp
from mcpmesh.model.trace import parse_traceparent, valid_correlation_id

NO_HEADERS: Headers = {}
_SAFE = re.compile(r"[\x20-\x7e]{1,8192}", re.ASCII)


#: What says where a request comes from.
FIELDS = frozenset((b"x-correlation-id", b"traceparent", b"baggage"))
_KEYS = (mcp.OUR_CORRELATION_ID, "traceparent", "baggage")


def links_of(headers: Headers, meta: Mapping[str, Any], *, header_wins: bool = True) -> Links:
    """Read where a request comes from; what is malformed counts as absent."""
    if FIELDS.isdisjoint(headers) and not any(key in meta for key in _KEYS):
        return Links()
    spoken, written = _of_headers(headers), _of_meta(meta)
    first, second = (spoken, written) if header_wins else (written, spoken)
    if first.parent is None:
        first.parent = second.parent
    first.baggage = first.baggage or second.baggage
    first.correlation_id = first.correlation_id or second.correlation_id
    return first


def correlation_of(headers: Headers) -> str:
    """Return the caller's correlation id; empty when it is absent or malformed."""
    return _correlation(_text(headers.get(b"x-correlation-id", b"")))


def _of_headers(headers: Headers) -> Links:
    links = Links(correlation_id=correlation_of(headers))
    if traceparent := headers.get(b"traceparent"):
        state = _text(headers.get(b"tracestate", b""))
        links.parent = parse_traceparent(_text(traceparent), state)
    if baggage := headers.get(b"baggage"):
        links.baggage = _text(baggage)
    return links


def _of_meta(meta: Mapping[str, Any]) -> Links:
    links = Links(correlation_id=_correlation(meta.get(mcp.OUR_CORRELATION_ID)))
    if traceparent := _checked(meta.get("traceparent")):
        links.parent = parse_traceparent(traceparent, _checked(meta.get("tracestate")))
    links.baggage = _checked(meta.get("baggage"))
    return links


def _text(value: bytes) -> str:
    return _checked(value.decode("latin-1")) if value else ""


def _checked(value: Any) -> str:
    """Return text that gRPC metadata can carry, else nothing."""
    return value if isinstance(value, str) and _SAFE.fullmatch(value) else ""


def _correlation(value: Any) -> str:
    return value if isinstance(value, str) and value and valid_correlation_id(value) else ""
