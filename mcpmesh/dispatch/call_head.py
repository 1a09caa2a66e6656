"""What the router reads in a request's head."""

from collections.abc import Callable

from mcpmesh.model.trace import TraceContext, parse_traceparent, valid_correlation_id
from mcpmesh.rpc.head import RequestHead, read_timeout
from mcpmesh.stack.call_head import CallHead
from mcpmesh.wire.hpack_table import Headers

#: Fields that this hop writes anew, so they are not passed on as they came.
_OWN = frozenset(
    (b"grpc-timeout", b"traceparent", b"tracestate", b"baggage", b"x-correlation-id",
     b"mcpmesh-wait-for-ready")
)  # fmt: skip


#: Of these, the ones that tie a call to what it is a part of: mostly new in every call.
TIES = frozenset((b"traceparent", b"tracestate", b"baggage", b"x-correlation-id"))
_NEW = TIES | {b"grpc-timeout"}


def read_call_head(head: RequestHead) -> CallHead:
    """Read a head; malformed trace context and correlation ids are ignored, as W3C says."""
    fields = head.fields
    correlation_id, parent, baggage = _ties(fields)
    return CallHead(
        method=head.path[1:],
        forward=tuple(field for field in head.headers if field[0] not in _OWN),
        tool=_text(fields, b"mcp-name"),
        version=_text(fields, b"mcpmesh-tool-version"),
        timeout=head.timeout,
        wait_for_ready=fields.get(b"mcpmesh-wait-for-ready") == b"true",
        correlation_id=correlation_id,
        parent=parent,
        baggage=baggage,
        encoding=head.encoding,
        problem=head.problem,
    )


def heads_like(head: RequestHead, last: int) -> Callable[[Headers], CallHead] | None:
    """Return what reads heads that differ from this one in so many of their last fields alone.

    None when these say more than what a call is a part of, and how long it may take.
    """
    repeated, new = head.headers[:-last], head.headers[-last:]
    if any(name in _NEW for name, _ in repeated) or any(name not in _NEW for name, _ in new):
        return None
    base = read_call_head(head)
    return lambda headers: tied(base, headers[-last:])


def tied(head: CallHead, ties: Headers) -> CallHead:
    """Return the head of a call with these fields besides: `TIES`, or a timeout."""
    fields = dict(ties)
    correlation_id, parent, baggage = _ties(fields)
    timeout, problem = read_timeout(fields)
    # As dataclasses.replace, at a fifth of its cost.
    return CallHead(
        head.method, head.forward, head.tool, head.version, timeout, head.wait_for_ready,
        correlation_id, parent, baggage, head.encoding, problem,
    )  # fmt: skip


def _ties(fields: dict[bytes, bytes]) -> tuple[str, TraceContext | None, str]:
    """Read a correlation id, the trace that a call is in, and its baggage."""
    parent = _text(fields, b"traceparent")
    correlation_id = _text(fields, b"x-correlation-id")
    return (
        correlation_id if valid_correlation_id(correlation_id) else "",
        parse_traceparent(parent, _text(fields, b"tracestate")) if parent else None,
        _text(fields, b"baggage"),
    )


def _text(fields: dict[bytes, bytes], name: bytes) -> str:
    value = fields.get(name)
    return value.decode("latin-1") if value else ""
