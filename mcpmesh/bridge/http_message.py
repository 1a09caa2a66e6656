"""An HTTP request as a whole, its answer, and a refusal to take one."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcpmesh.codec.http_error import retry_after
from mcpmesh.codec.jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, RpcError
from mcpmesh.codec.status import WITHHELD

Header = tuple[bytes, bytes]
#: Names in lower case; a field that is given more than once has its values joined by ", ".
Headers = Mapping[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")
#: The status of a failure of our own.
BUG = 500


class RequestHead:
    """How a request begins; clients send the same head again and again, and share it then.

    `twice` has the names of the fields that were given more than once.
    """

    __slots__ = ("headers", "keep_alive", "method", "old", "path", "query", "seen", "twice")

    def __init__(
        self,
        method: bytes,
        path: bytes,
        headers: Headers,
        twice: frozenset[bytes] = frozenset(),
        *,
        keep_alive: bool = True,
        old: bool = False,
        query: bytes = b"",
    ) -> None:
        self.method = method
        self.path = path
        #: What stands behind the path's question mark, as it came.
        self.query = query
        self.headers = headers
        self.twice = twice
        #: The client will take another answer on this connection.
        self.keep_alive = keep_alive
        #: It is HTTP/1.0, which knows no chunks.
        self.old = old
        #: What a handler has found out about it, kept for the next request that has it.
        self.seen: object = None

    def __repr__(self) -> str:
        return f"<RequestHead {self.method.decode()} {self.path!r}>"


class HttpRequest:
    """One request, complete."""

    __slots__ = ("body", "exchange", "head")

    def __init__(self, head: RequestHead, body: bytes = b"") -> None:
        self.head = head
        self.body = body
        #: What its handler keeps of it while it is answered.
        self.exchange: object = None

    def __repr__(self) -> str:
        return f"<HttpRequest {self.head!r} {len(self.body)} bytes>"


@dataclass(slots=True)
class HttpAnswer:
    """A whole answer."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = (JSON,)
    #: Why the client was refused, for who counts it.
    refused: str = ""


class HttpRefusal(Exception):
    """A refusal with an HTTP status of its own.

    `reason`: the limit or rule, for who counts refusals; empty for what is not worth it.
    `retry_after_ms`: when to come again; 0 for no wish.
    `path`, `asked`: the path of the request and its fields, as far as they came, where the
    connection has to tell it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: tuple[Header, ...] = (),
        *,
        reason: str = "",
        retry_after_ms: int = 0,
    ) -> None:
        super().__init__(status, message)
        self.reason = reason
        self.status = status
        self.headers = (*headers, *retry_after(retry_after_ms))
        self.retry_after_ms = retry_after_ms
        self.path = b""
        self.asked: Headers = {}
        self.error = RpcError(INTERNAL_ERROR if status == BUG else INVALID_REQUEST, message)


def too_many() -> HttpRefusal:
    """Return the refusal of a client that has too many requests answered now."""
    return HttpRefusal(
        429,
        "too many requests at once; wait for the answers to others",
        reason="requests_of_peer",
        retry_after_ms=1000,
    )


def failed() -> HttpRefusal:
    """Return what is told of a bug of ours."""
    return HttpRefusal(BUG, WITHHELD)


def too_large(limit: int) -> HttpRefusal:
    """Return the refusal of a body over the limit."""
    return HttpRefusal(
        413,
        f"the body is larger than {limit} bytes; send less, or have the bridge take more with "
        "max_body_bytes (--max-body-bytes)",
        reason="body_bytes",
    )
