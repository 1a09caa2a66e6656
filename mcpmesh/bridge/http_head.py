"""How an answer begins: status line and header fields."""

from email.utils import formatdate
from http import HTTPStatus

from mcpmesh.bridge.http_message import JSON, Header, HttpAnswer, HttpRefusal
from mcpmesh.codec.jsonrpc import error_bytes

_CLOSE = b"connection: close\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED: Header = (b"transfer-encoding", b"chunked")
#: Answers of these have no body, and say nothing of a length. Source: RFC 9110, section 8.6.
_BODILESS = frozenset({204, 304})
LAST_CHUNK = b"0\r\n\r\n"
_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode())
    for status in HTTPStatus
}


def head_of(status: int, date: bytes, headers: tuple[Header, ...], *, close: bool = False) -> bytes:
    """Write a head; `date` is its line of that name."""
    fields = b"".join([b"%b: %b\r\n" % field for field in headers])
    return b"".join((_LINES[status], date, fields, _CLOSE if close else b"\r\n"))


def answer_bytes(answer: HttpAnswer, date: bytes, *, close: bool, bodiless: bool) -> bytes:
    """Write a whole answer; the answer to HEAD says how long the body would have been."""
    body = answer.body
    parts = [_LINES[answer.status], date]
    for name, value in answer.headers:
        parts += (name, b": ", value, b"\r\n")
    if answer.status not in _BODILESS:
        parts.append(b"content-length: %d\r\n" % len(body))
    parts.append(_CLOSE if close else b"\r\n")
    if not bodiless:
        parts.append(body)
    return b"".join(parts)


def answer_of(refusal: HttpRefusal, headers: tuple[Header, ...] = ()) -> HttpAnswer:
    """Return the answer that tells a refusal."""
    return HttpAnswer(
        refusal.status,
        error_bytes(refusal.error),
        (JSON, *headers, *refusal.headers),
        refusal.reason,
    )


def chunk_of(part: bytes) -> bytes:
    """Write a part of a body whose length is not known beforehand."""
    return b"%x\r\n%b\r\n" % (len(part), part)


def date_line(now: float) -> bytes:
    """Write the field that says when an answer began. Units: seconds since the epoch."""
    return b"date: %b\r\n" % formatdate(now, usegmt=True).encode()
