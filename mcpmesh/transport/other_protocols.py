"""How peers are told that speak something else than HTTP/2."""

import re

from mcpmesh.wire.error_code import ConnectionFault

#: How TLS records begin: a handshake, an alert (RFC 8446, section 5.1).
_TLS_HELLO = b"\x16\x03"
_TLS_ALERT = b"\x15\x03"
_HTTP1_REQUEST = re.compile(rb"[A-Z]{3,16} [^ \r\n]+ HTTP/1\.")
_HTTP1_TEXT = (
    b"This port speaks gRPC (HTTP/2). MCP over HTTP is served by the bridge,"
    b" at http://HOST:7080/mcp by default.\n"
)
HTTP1_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%s" % (len(_HTTP1_TEXT), _HTTP1_TEXT)
)


def is_http1(data: bytes) -> bool:
    """Tell whether a peer's first bytes are an HTTP/1 request."""
    return _HTTP1_REQUEST.match(data) is not None


def is_tls_alert(data: bytes) -> bool:
    """Tell whether a peer's first bytes refuse what was not TLS."""
    return data.startswith(_TLS_ALERT)


def first_fault(data: bytes, fault: ConnectionFault) -> str:
    """Say what is wrong with a peer's first bytes."""
    if data.startswith(_TLS_HELLO):
        return "the peer speaks TLS, this port does not; --tls-cert and --tls-key make it"
    return fault.message
