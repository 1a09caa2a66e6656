"""What an HTTP request must be before anybody reads its message: origin, types, size, time."""

import asyncio

from mcpmesh.bridge.asgi import Header, Receive
from mcpmesh.bridge.links import Headers
from mcpmesh.codec.jsonrpc import INVALID_REQUEST, SHOWN, RpcError
from mcpmesh.transport.timers import Timers

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_CLOSE: Header = (b"connection", b"close")


class HttpRefusal(Exception):
    """A refusal with an HTTP status of its own."""

    def __init__(self, status: int, message: str, headers: tuple[Header, ...] = ()) -> None:
        super().__init__(status, message)
        self.status = status
        self.headers = headers
        self.error = RpcError(INVALID_REQUEST, message)


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
    raise HttpRefusal(403, f"origin {text[:SHOWN]!r} is not allowed")


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


async def read_body(
    headers: Headers, receive: Receive, limit: int, timeout: float, timers: Timers
) -> bytes:
    """Read a body; the limit holds while it comes.

    Raises: HttpRefusal 413, 408, 400 when the client went away.
    """
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise too_large(limit)
    # By hand, since `asyncio.timeout` costs ten times as much, on every request.
    patience = _Patience()
    now = asyncio.get_running_loop().time()
    handle = timers.add(now + timeout, now, patience)
    try:
        return await _read(receive, limit)
    except asyncio.CancelledError as exc:
        if not patience.over:
            raise
        patience.task.uncancel()
        raise HttpRefusal(408, f"the body did not come within {timeout:g} s", (_CLOSE,)) from exc
    finally:
        timers.remove(handle, patience)


class _Patience:
    """Stops the reading of a body that does not come."""

    __slots__ = ("over", "task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.over = False

    def expire(self) -> None:
        """Stop reading."""
        self.over = True
        self.task.cancel()


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        _check_present(message["type"])
        return body
    parts, size = [body], len(body)
    while size <= limit and message.get("more_body", False):
        message = await receive()
        _check_present(message["type"])
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > limit:
        raise too_large(limit)
    return b"".join(parts)


def _check_present(kind: str) -> None:
    if kind == "http.disconnect":
        raise HttpRefusal(400, "the client went away")


def too_large(limit: int) -> HttpRefusal:
    """Return the refusal of a body over the limit.

    The connection stays open and the rest of the body is thrown away as it comes: closing at
    once would reset it, and the client would never read why.
    """
    return HttpRefusal(413, f"the body is larger than {limit} bytes")
