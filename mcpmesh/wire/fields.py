"""Which header fields a message may carry, and in which order.

Source: RFC 9113, sections 8.2 and 8.3.
"""

import re

from mcpmesh.wire.block import NO_PROMISE
from mcpmesh.wire.error_code import ErrorCode, StreamFault
from mcpmesh.wire.hpack_table import Headers

_REQUEST_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority"))
_REQUEST_NEEDS = (b":method", b":scheme", b":path")
_FORBIDDEN = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_SPECIAL = _FORBIDDEN | {b"te", b"host"}
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
#: Names that need no look: to find one here costs a tenth of the pattern.
_COMMON = frozenset(
    (b"content-type", b"user-agent", b"grpc-accept-encoding", b"grpc-timeout", b"grpc-status",
     b"grpc-message", b"grpc-encoding", b"traceparent", b"tracestate", b"baggage",
     b"x-correlation-id", b"mcp-name", b"authorization")
)  # fmt: skip
_NUL, _LF, _CR = b"\x00\n\r"


def check_request(headers: Headers) -> None:
    """Refuse a malformed request head.

    Raises: StreamFault saying which field breaks which rule.
    """
    pseudo = _check(headers, _REQUEST_PSEUDO)
    for name in _REQUEST_NEEDS:
        if not pseudo.get(name):
            raise _fault(f"request without {name.decode()}")
    if not pseudo[b":path"].startswith((b"/", b"*")):
        raise _fault(":path does not start with /")


def check_response(headers: Headers) -> int:
    """Refuse a malformed response head.

    Returns: the HTTP status.
    Raises: StreamFault saying which field breaks which rule.
    """
    status = _check(headers, frozenset((b":status",))).get(b":status", b"")
    if len(status) != 3 or not status.isdigit():
        raise _fault(f"response with :status {status[:20]!r}")
    return int(status)


def check_trailers(headers: Headers) -> None:
    """Refuse malformed trailers.

    Raises: StreamFault saying which field breaks which rule.
    """
    _check(headers, frozenset())


def check_values(fields: Headers) -> None:
    """Refuse fields for their values, whose names are known to be in order.

    Raises: StreamFault saying which field breaks which rule.
    """
    for name, value in fields:
        if _NUL in value or _LF in value or _CR in value or value.strip(b" \t") != value:
            _check(((name, value),), frozenset())


def are_plain(fields: Headers) -> bool:
    """Tell whether no rule for fields of these names is about what a value says.

    But for what content-length promises.
    """
    return not any(name in _SPECIAL or name[:1] == b":" for name, _ in fields)


def _check(headers: Headers, pseudo_names: frozenset[bytes]) -> dict[bytes, bytes]:
    pseudo: dict[bytes, bytes] = {}
    regular = False
    for name, value in headers:
        if name[:1] == b":":
            if regular:
                raise _fault(f"{_shown(name)} after a regular field")
            if name not in pseudo_names or name in pseudo:
                raise _fault(f"{_shown(name)} is unknown here or stands twice")
            pseudo[name] = value
        else:
            regular = True
            if name not in _COMMON and not _NAME.fullmatch(name):
                raise _fault(f"field name {_shown(name)} is not lower-case token characters")
            if name in _SPECIAL:
                _check_special(name, value, pseudo, request=pseudo_names is _REQUEST_PSEUDO)
        # (A pattern costs several times as much.)
        if (
            _NUL in value
            or _LF in value
            or _CR in value
            or (value.strip(b" \t") != value and name != b"grpc-message")
        ):
            # gRPC's percent-encoding leaves blanks as they are, at a message's ends too.
            raise _fault(f"the value of {_shown(name)} has a forbidden character")
    return pseudo


def _check_special(name: bytes, value: bytes, pseudo: dict[bytes, bytes], *, request: bool) -> None:
    if name in _FORBIDDEN:
        raise _fault(f"{_shown(name)} does not belong into HTTP/2")
    if name == b"te" and (not request or value.lower() != b"trailers"):
        raise _fault("te is not trailers, or not in a request")
    if (
        name == b"host"
        and request
        and _entity(value, pseudo) != _entity(pseudo.get(b":authority", value), pseudo)
    ):
        raise _fault("host differs from :authority")


def _entity(authority: bytes, pseudo: dict[bytes, bytes]) -> bytes:
    """Return an authority in lower case, without the port that its scheme has anyway."""
    port = b":443" if pseudo.get(b":scheme") == b"https" else b":80"
    return authority.lower().removesuffix(port)


def _shown(name: bytes) -> str:
    return repr(name[:64].decode("latin-1"))


def _fault(message: str) -> StreamFault:
    return StreamFault(ErrorCode.PROTOCOL_ERROR, message)


def content_length(headers: Headers) -> int:
    """Return the body size that a head promises, NO_PROMISE without one.

    Raises: StreamFault for a content-length that is not one number.
    """
    if b"content-length" not in dict(headers):
        return NO_PROMISE
    found = NO_PROMISE
    for name, value in headers:
        if name == b"content-length":
            if not value.isdigit() or len(value) > 18 or found not in (NO_PROMISE, int(value)):
                raise _fault(f"content-length {value[:20]!r}")
            found = int(value)
    return found
