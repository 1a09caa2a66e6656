"""Our errors in plain HTTP: a status, a JSON body, and when to come again.

Source: google/rpc/code.proto for the statuses of gRPC's codes; RFC 9110, section 10.2.3 for
Retry-After.
"""

from typing import Any

from grpc import StatusCode

from mcpmesh import errors
from mcpmesh.codec.status import CLASS, STATUS, WITHHELD
from mcpmesh.v1 import tool_pb2

#: The HTTP status of each class; a class that does not stand here has its base's.
HTTP: dict[type[errors.MeshError], int] = {
    errors.MeshError: 500,
    errors.InvalidCall: 400,
    errors.TooLarge: 413,
    errors.ToolNotFound: 404,
    errors.MethodNotFound: 501,
    errors.PermissionDenied: 403,
    errors.Unauthenticated: 401,
    errors.Conflict: 409,
    errors.NotReady: 409,
    errors.NoReplica: 503,
    errors.ReplicaLost: 503,
    errors.Draining: 503,
    errors.Overloaded: 429,
    errors.DeadlineExceeded: 504,
}
#: A tool's own code failed: the bridge is well, and what it asked is not.
TOOL_FAILED = 500


def http_status_of(error: errors.MeshError) -> int:
    """Return the HTTP status that tells a call's failure."""
    return _of_class(type(error))


def http_status_of_tool(error: tool_pb2.ToolError) -> int:
    """Return the HTTP status that tells a tool's own failure, by its code."""
    code = StatusCode.__members__.get(error.code)
    if code is None or code is StatusCode.OK:
        return TOOL_FAILED
    return _of_class(CLASS[code])


def _of_class(kind: type[errors.MeshError]) -> int:
    return next(HTTP[base] for base in kind.__mro__ if base in HTTP)


def error_json(error: errors.MeshError) -> dict[str, Any]:
    """Write a call's failure; the message of an internal one is withheld."""
    code = STATUS[error.grpc_code]
    told = WITHHELD if code is StatusCode.INTERNAL else error.message
    return error_object(code.name, told, error.retryable, error.retry_after_ms)


def error_object(code: str, message: str, retryable: bool, retry_after_ms: int) -> dict[str, Any]:
    """Write what programs read of a failure."""
    return {
        "code": code,
        "message": message,
        "retryable": retryable,
        "retry_after_ms": retry_after_ms,
    }


def retry_after(milliseconds: int) -> tuple[tuple[bytes, bytes], ...]:
    """Return the field that says when to come again, in whole seconds; none for no wish."""
    if milliseconds <= 0:
        return ()
    return ((b"retry-after", b"%d" % -(-milliseconds // 1000)),)
