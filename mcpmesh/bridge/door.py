"""Who may come in: hosts and origins that requests may name, and what browsers are told of it.

A page of any site can reach a bridge on its user's own machine, by giving its name the address
127.0.0.1 (DNS rebinding). A browser then says the page's name as Host, and as Origin unless it
takes the request for one of the page's own site; so both are looked at.

Source: MCP 2025-11-25, "Security warning" of Streamable HTTP; the Fetch standard, section 3.3.
"""

import re
from collections.abc import Callable

from mcpmesh.bridge.http_gate import check_origin
from mcpmesh.bridge.http_house import Cancel, Stream, Work
from mcpmesh.bridge.http_message import Header, Headers, HttpAnswer, HttpRefusal, RequestHead
from mcpmesh.codec.jsonrpc import SHOWN
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.model.address import Address
from mcpmesh.model.principal import Principal

_MISDIRECTED = 421
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]", re.ASCII)
_NAMES = re.compile(rb"[A-Za-z0-9\-, ]{1,1000}", re.ASCII)
_METHODS: Header = (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE, OPTIONS")
#: Seconds that a browser may go by the answer to a preflight.
_MAX_AGE: Header = (b"access-control-max-age", b"600")
#: What a page may read of an answer's head beside what all may.
_EXPOSED: Header = (
    b"access-control-expose-headers",
    b"etag, idempotency-replayed, mcp-protocol-version, mcp-session-id, retry-after, traceparent, "
    b"www-authenticate, x-correlation-id",
)
_VARY: Header = (b"vary", b"origin")


class Door:
    """What a bridge's settings say of hosts and origins."""

    def __init__(self, settings: BridgeSettings) -> None:
        self._origins = settings.allowed_origins
        #: Browsers' pages are let read answers.
        self.cors = settings.cors
        hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        local = Address.parse(settings.http).is_local
        # None: any host may be named.
        self._hosts = None if "*" in hosts or not (hosts or local) else hosts

    def __repr__(self) -> str:
        hosts = "any host" if self._hosts is None else sorted(self._hosts)
        return f"<Door for {hosts}, origins {self._origins}>"

    def check(self, headers: Headers) -> None:
        """Refuse a request that comes by a wrong name, or from a wrong page.

        Raises: HttpRefusal 421, 403.
        """
        host = headers.get(b"host")
        if host is not None and self._hosts is not None:
            name = name_of(host.decode("latin-1").lower())
            if not (name in self._hosts or name == "localhost" or _IP.fullmatch(name)):
                raise HttpRefusal(
                    _MISDIRECTED,
                    f"host {name[:SHOWN]!r} is not one of this bridge's; allow it with "
                    "allowed_hosts (--allowed-hosts)",
                    reason="host",
                )
        check_origin(headers, self._origins)

    def preflight(self, head: RequestHead) -> HttpAnswer | None:
        """Tell a browser what its page may send; None for what is no such question."""
        headers = head.headers
        if head.method != b"OPTIONS" or b"access-control-request-method" not in headers:
            return None
        asked = headers.get(b"access-control-request-headers", b"")
        fields = [_METHODS, _MAX_AGE]
        if _NAMES.fullmatch(asked):  # arguments have headers of their own: there is no list
            fields.append((b"access-control-allow-headers", asked))
        return HttpAnswer(204, headers=tuple(fields))

    def readable(self, headers: Headers) -> tuple[Header, ...]:
        """Return `fields` for a request that nobody has checked: none for a wrong page."""
        try:
            self.check(headers)
        except HttpRefusal:
            return (_VARY,)
        return self.fields(headers)

    def fields(self, headers: Headers) -> tuple[Header, ...]:
        """Return the fields by which a browser lets a page read an answer."""
        origin = headers.get(b"origin")
        if origin is None:
            return (_VARY,)
        return (_VARY, (b"access-control-allow-origin", origin), _EXPOSED)


def name_of(host: str) -> str:
    """Return the name in a Host field, without the port."""
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) else host


class ReadableStream:
    """A stream that a page of another origin may read."""

    def __init__(self, stream: Stream, fields: tuple[Header, ...]) -> None:
        self._stream = stream
        self._fields = fields

    @property
    def principal(self) -> Principal:
        """Whom the client proved to be."""
        return self._stream.principal

    def begin(self, headers: tuple[Header, ...]) -> None:
        """Write the head, with the fields that browsers look for."""
        self._stream.begin((*headers, *self._fields))

    async def write(self, part: bytes) -> None:
        """Write a part of the body."""
        await self._stream.write(part)

    def cancel(self) -> None:
        """Cancel the answering of the request."""
        self._stream.cancel()

    def hand_over(self, rest: Work, ended: Callable[[BaseException | None], None]) -> Cancel:
        """Have other work write the answer."""
        return self._stream.hand_over(rest, ended)
