"""What the router reads in a request's head."""

from mcpmesh.model.trace import parse_traceparent, valid_correlation_id
from mcpmesh.rpc.head import RequestHead
from mcpmesh.stack.call_head import CallHead

#: Fields that this hop writes anew, so they are not passed on as they came.
_OWN = frozenset(
    (b"grpc-timeout", b"traceparent", b"tracestate", b"baggage", b"x-correlation-id",
     b"mcpmesh-wait-for-ready")
)  # fmt: skip


def read_call_head(head: RequestHead) -> CallHead:
    """Read a head; malformed trace context and correlation ids are ignored, as W3C says."""
    fields = head.fields
    state = _text(fields, b"tracestate")
    parent = _text(fields, b"traceparent")
    correlation_id = _text(fields, b"x-correlation-id")
    return CallHead(
        method=head.path[1:],
        forward=tuple(field for field in head.headers if field[0] not in _OWN),
        tool=_text(fields, b"mcp-name"),
        version=_text(fields, b"mcpmesh-tool-version"),
        timeout=head.timeout,
        wait_for_ready=fields.get(b"mcpmesh-wait-for-ready") == b"true",
        correlation_id=correlation_id if valid_correlation_id(correlation_id) else "",
        parent=parse_traceparent(parent, state) if parent else None,
        baggage=_text(fields, b"baggage"),
        encoding=head.encoding,
        problem=head.problem,
    )


def _text(fields: dict[bytes, bytes], name: bytes) -> str:
    value = fields.get(name)
    return value.decode("latin-1") if value else ""
