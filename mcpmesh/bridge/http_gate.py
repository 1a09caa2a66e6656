"""What an HTTP request must be before anybody reads its message: its origin and types."""

from mcpmesh.bridge.http_message import Headers, HttpRefusal
from mcpmesh.codec.jsonrpc import SHOWN

_EVENTS = b"text/event-stream"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def check_origin(headers: Headers, allowed: tuple[str, ...]) -> None:
    """Refuse a browser's page from elsewhere; loopback pages and programs may.

    Without it a page of any site could reach a bridge on the user's own machine, by giving its
    name the address 127.0.0.1.
    Raises: HttpRefusal 403.
    """
    origin = headers.get(b"origin")
    if origin is None or "*" in allowed:
        return
    text = origin.decode("latin-1").lower()
    if text in allowed or host_of(text) in _LOOPBACK:
        return
    raise HttpRefusal(403, f"origin {text[:SHOWN]!r} is not allowed", reason="origin")


def host_of(origin: str) -> str:
    """Return the host of an origin, without the port; empty when there is none."""
    _, _, rest = origin.partition("://")
    host, colon, port = rest.rpartition(":")
    return host if colon and port.isdigit() else rest


def check_types(headers: Headers) -> None:
    """Refuse a body that is not JSON, or a client that cannot read JSON.

    Raises: HttpRefusal 415, 406.
    """
    content_type = headers.get(b"content-type", b"")
    if content_type != b"application/json":
        kind, _, _ = content_type.partition(b";")
        if kind.strip().lower() != b"application/json":
            raise HttpRefusal(415, "content-type is not application/json")
    accept = headers.get(b"accept")
    if accept is not None and not accepts(accept, b"application/json"):
        raise HttpRefusal(406, "accept names neither application/json nor a wildcard")


def accepts(accept: bytes, kind: bytes) -> bool:
    """Tell whether an Accept header has room for a media type."""
    if kind in accept or b"*/*" in accept:
        return True
    lowered = accept.lower()
    return kind in lowered or kind.partition(b"/")[0] + b"/*" in lowered


def takes_events(headers: Headers) -> bool:
    """Tell whether a client can read an answer that is a stream of events."""
    return accepts(headers.get(b"accept", b"*/*"), _EVENTS)
