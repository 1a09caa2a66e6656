"""Failures as programs that speak plain HTTP read them."""

from mcpmesh.bridge.http_message import JSON, Header, HttpAnswer, HttpRefusal
from mcpmesh.codec.http_error import error_json, error_object, http_status_of, retry_after
from mcpmesh.codec.plain_result import written
from mcpmesh.errors import MeshError

#: The gRPC status that says the same as an HTTP status of ours.
_CODES = {
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "RESOURCE_EXHAUSTED",
    421: "PERMISSION_DENIED",
    422: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    431: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    505: "UNIMPLEMENTED",
}
#: Refusals that pass: the same request may be taken later.
_PASSING = frozenset({429, 503})


def failed(error: MeshError, fields: tuple[Header, ...] = ()) -> HttpAnswer:
    """Tell a call's failure, and when to come again."""
    body = written({"error": error_json(error)})
    wait = retry_after(error.retry_after_ms)
    return HttpAnswer(http_status_of(error), body, (JSON, *fields, *wait))


def refused(refusal: HttpRefusal) -> HttpAnswer:
    """Tell why a request is none that we serve."""
    code = _CODES.get(refusal.status, "INVALID_ARGUMENT")
    passing = refusal.status in _PASSING
    error = error_object(code, refusal.error.message, passing, refusal.retry_after_ms)
    body = written({"error": error})
    return HttpAnswer(refusal.status, body, (JSON, *refusal.headers), refusal.reason)
