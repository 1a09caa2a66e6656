"""The correlation id that an answer repeats in a header."""

from mcpmesh.bridge.http_message import Header, Headers
from mcpmesh.bridge.links import correlation_of


def echo_of(headers: Headers) -> tuple[Header, ...]:
    """Return the header that repeats the id a request gave, if it gave one."""
    return correlation_header(correlation_of(headers))


def correlation_header(correlation_id: str) -> tuple[Header, ...]:
    """Return the header that tells an id, if there is one."""
    return ((b"x-correlation-id", correlation_id.encode()),) if correlation_id else ()
