"""Cuts what an HTTP/1.1 client sends into requests, without doing any I/O.

The parser is httptools (llhttp, as Node.js has it), which is strict about what request smuggling
lives on: two lengths, a length beside chunks, stray line ends. What is kept of a request here is
bounded at every byte.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote_to_bytes

import httptools

from mcpmesh.bridge.http_message import HttpRefusal, HttpRequest, RequestHead, too_large
from mcpmesh.codec.jsonrpc import SHOWN

KIB = 1024
_CHUNKED = b"chunked"
_PREFACE = b"PRI * HTTP/2"
_NONE: frozenset[bytes] = frozenset()
#: Heads that are remembered, and the longest of them.
_MAX_HEADS = 512
_MAX_KNOWN_BYTES = 2 * KIB
#: What is read of a refused request's path; its beginning says which form of answer it has.
_MAX_PATH_BYTES = 1024
#: Fields that make a head the only one of its kind, not worth remembering.
_OWN_FIELDS = (b"traceparent", b"x-correlation-id")


@dataclass(frozen=True, slots=True)
class ReaderLimits:
    """The most that a request may hold. Units: bytes, fields."""

    body_bytes: int
    head_bytes: int = 64 * KIB
    fields: int = 100


class Phase(Enum):
    """What a reader waits for."""

    IDLE = "idle"
    HEAD = "head"
    BODY = "body"


class KnownHeads:
    """Heads that came before, by their bytes, for all connections of a server.

    Clients say the same head with nearly every request. To find it again is much cheaper than
    to parse it; the same bytes mean the same wherever a request begins.
    """

    __slots__ = ("_heads", "get")

    def __init__(self) -> None:
        self._heads: dict[bytes, tuple[RequestHead, int]] = {}
        #: Return what a head's bytes meant, and the length of the body.
        self.get = self._heads.get

    def learn(self, head: bytes, request: HttpRequest) -> None:
        """Remember a head that was parsed, unless it says how its body is cut or told."""
        fields = request.head.headers
        if (
            len(head) <= _MAX_KNOWN_BYTES
            and request.head.keep_alive
            and not request.head.old
            and b"transfer-encoding" not in fields
            and b"expect" not in fields
            and b"upgrade" not in fields
            and not any(name in fields for name in _OWN_FIELDS)
        ):
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            self._heads[head] = (request.head, len(request.body))


class RequestReader:
    """One connection's requests.

    `ready` gets what came complete, in order: requests, and as the last thing the refusal of
    what is none. After a refusal nothing more is read.
    """

    __slots__ = (
        "_body", "_body_bytes", "_fields", "_head_bytes", "_known", "_limits", "_moved", "_old",
        "_parser", "_silent", "_twice", "_url", "_waiting", "continue_owed", "phase", "ready",
        "refused",
    )  # fmt: skip

    def __init__(self, limits: ReaderLimits, known: KnownHeads) -> None:
        self.ready: deque[HttpRequest | HttpRefusal] = deque()
        self.phase = Phase.IDLE
        self.refused = False
        #: The client waits for a word that it may send its body.
        self.continue_owed = False
        self._limits = limits
        self._known = known
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._fields: dict[bytes, bytes] = {}
        self._twice: frozenset[bytes] = _NONE
        self._head_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        # Bytes that a message went on with and that the parser has said nothing about.
        self._silent = 0
        self._moved = False

    def __repr__(self) -> str:
        return f"<RequestReader {self.phase.value}, {len(self.ready)} ready>"

    def feed(self, data: bytes) -> None:
        """Take bytes of the client."""
        if self.refused:
            return
        if self.phase is not Phase.IDLE:
            self._parse(data)
            return
        end = data.find(b"\r\n\r\n")
        cut = end + 4
        head = data[:cut] if end > 0 else b""
        known = self._known.get(head)
        if known is not None and known[1] == len(data) - cut:
            self.ready.append(HttpRequest(known[0], data[cut:]))
            return
        count = len(self.ready)
        self._parse(data)
        if len(self.ready) == count + 1 and self.phase is Phase.IDLE:
            request = self.ready[-1]
            if type(request) is HttpRequest and head and len(data) == cut + len(request.body):
                self._known.learn(head, request)

    def _parse(self, data: bytes) -> None:
        self._moved = False
        try:
            while True:
                try:
                    self._parser.feed_data(data)
                    break
                except httptools.HttpParserUpgrade as upgrade:
                    # An offer that a server need not take: go on in HTTP/1.1.
                    data = data[upgrade.args[0] :]
                    if not data:
                        break
        except httptools.HttpParserError as error:
            hint = "gRPC is served by the router" if data.startswith(_PREFACE) else error
            self._refuse(400, f"not an HTTP/1.1 request: {hint}", "not_http")
            return
        if not self._moved and self.phase is not Phase.IDLE:
            self._silent += len(data)
            if self._silent > self._limits.head_bytes:
                self._head_too_large()

    # What the parser calls

    def on_message_begin(self) -> None:
        self.phase = Phase.HEAD
        self._moved = True
        self._silent = 0
        self._url = b""
        self._fields = {}
        self._twice = _NONE
        self._head_bytes = 0
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase is not Phase.HEAD:
            return  # trailers say nothing to us
        name, value = name.lower(), value.rstrip(b" \t")  # (what stands before it is gone already)
        fields = self._fields
        if name in fields:
            self._twice |= {name}
            value = fields[name] + b", " + value
        self._count(len(name) + len(value))
        if len(fields) < self._limits.fields:
            fields[name] = value
        else:
            self._head_too_large()

    def on_headers_complete(self) -> None:
        self.phase = Phase.BODY
        fields = self._fields
        version = self._parser.get_http_version()
        old = version == "1.0"
        if not old and version != "1.1":
            self._refuse(505, f"HTTP/{version} is not spoken here; send HTTP/1.1")
        if b"host" not in fields and not old:
            self._refuse(400, "the Host header is missing")
        coding = fields.get(b"transfer-encoding", _CHUNKED)
        if coding.lower() != _CHUNKED:
            # Source: RFC 9112, section 6.1. The parser takes any list that ends with chunked.
            told = f"transfer-encoding {coding[:SHOWN].decode('latin-1')!r} is not taken"
            self._refuse(501, f"{told}; send chunked alone")
        length = fields.get(b"content-length")
        if length is not None and int(length) > self._limits.body_bytes:
            self._too_large()
        elif not old and fields.get(b"expect", b"").lower() == b"100-continue":
            self.continue_owed = True

    def on_body(self, body: bytes) -> None:
        self._moved = True
        self.continue_owed = False
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.body_bytes:
            self._too_large()
        elif not self.refused:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self.phase = Phase.IDLE
        self.continue_owed = False
        if self.refused:
            return
        parser, body = self._parser, self._body
        old = parser.get_http_version() == "1.0"
        head = RequestHead(
            parser.get_method(),
            path_of(self._url),
            self._fields,
            self._twice,
            keep_alive=not old and parser.should_keep_alive(),
            old=old,
            query=query_of(self._url),
        )
        self.ready.append(HttpRequest(head, body[0] if len(body) == 1 else b"".join(body)))
        if not head.keep_alive:
            self.refused = True  # nothing after it is ours to read

    # Refusals

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limits.head_bytes:
            self._head_too_large()

    def _head_too_large(self) -> None:
        limits = self._limits
        self._refuse(
            431,
            f"the head is larger than {limits.head_bytes} bytes or {limits.fields} fields",
            "head_bytes",
        )

    def _too_large(self) -> None:
        if not self.refused:
            self._body.clear()
            self._tell(too_large(self._limits.body_bytes))

    def _refuse(self, status: int, message: str, reason: str = "") -> None:
        if not self.refused:
            self._tell(HttpRefusal(status, message, reason=reason))

    def _tell(self, refusal: HttpRefusal) -> None:
        self.refused = True
        if self.phase is not Phase.IDLE:
            refusal.path = path_of(self._url[:_MAX_PATH_BYTES])
            refusal.asked = self._fields
        self.ready.append(refusal)

    def late(self) -> None:
        """Refuse what takes too long to come."""
        self._refuse(408, f"the {self.phase.value} of the request did not come in time")


def path_of(url: bytes) -> bytes:
    """Return the path of a request's target, decoded; empty for a target without one."""
    if url.startswith(b"/") and not any(mark in url for mark in (b"?", b"#", b"%")):
        return url
    try:
        path: bytes | None = httptools.parse_url(url).path
    except httptools.HttpParserInvalidURLError:
        return b""
    return unquote_to_bytes(path) if path else b""


def query_of(url: bytes) -> bytes:
    """Return the query of a request's target, as it came; empty for none."""
    return url.partition(b"#")[0].partition(b"?")[2]
