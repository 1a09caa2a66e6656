"""THE error table: our error classes, gRPC statuses and JSON-RPC codes, each way, total."""

from typing import NamedTuple

from grpc import StatusCode

from mcpmesh import errors

#: Number of a gRPC status → the status.
STATUS: dict[int, StatusCode] = {code.value[0]: code for code in StatusCode}
_STATUS_DIGITS = 3
_PUSHBACK_DIGITS = 9

#: gRPC status → the class that a caller of ours sees. Every status but OK stands here.
CLASS: dict[StatusCode, type[errors.MeshError]] = {
    StatusCode.CANCELLED: errors.ReplicaLost,
    StatusCode.UNKNOWN: errors.InternalError,
    StatusCode.INVALID_ARGUMENT: errors.InvalidCall,
    StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    StatusCode.NOT_FOUND: errors.ToolNotFound,
    StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    StatusCode.RESOURCE_EXHAUSTED: errors.Overloaded,
    StatusCode.FAILED_PRECONDITION: errors.NotReady,
    StatusCode.ABORTED: errors.Conflict,
    StatusCode.OUT_OF_RANGE: errors.OutOfRange,
    StatusCode.UNIMPLEMENTED: errors.MethodNotFound,
    StatusCode.INTERNAL: errors.RemoteProtocolError,
    StatusCode.UNAVAILABLE: errors.NoReplica,
    StatusCode.DATA_LOSS: errors.RemoteProtocolError,
    StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
}

#: The trailer with a server's wish when to try again, in milliseconds (gRFC A6).
PUSHBACK = "grpc-retry-pushback-ms"

#: What the peer may read of an internal error.
WITHHELD = "internal error; the server's log has the reason"

#: Failures after a tool was found and allowed: through JSON-RPC they are results, not errors.
FOR_THE_MODEL = (
    errors.NoReplica,
    errors.ReplicaLost,
    errors.Draining,
    errors.Overloaded,
    errors.DeadlineExceeded,
)


class Status(NamedTuple):
    """How a call ended on a gRPC wire; `metadata` goes with it in the trailers.

    A tuple, as one is made for every call that fails, at a third of what a frozen dataclass costs.
    """

    code: StatusCode
    message: str = ""
    metadata: tuple[tuple[str, str], ...] = ()


def status_from(number: bytes) -> StatusCode:
    """Return the status that a `grpc-status` field names; UNKNOWN for what names none."""
    # Bounded before it is read: int() refuses thousands of digits.
    if len(number) > _STATUS_DIGITS or not number.isdigit():
        return StatusCode.UNKNOWN
    return STATUS.get(int(number), StatusCode.UNKNOWN)


def pushback_from(text: str | bytes) -> int:
    """Return the milliseconds that a `grpc-retry-pushback-ms` field names; 0 when it is empty.

    Source: gRFC A6; what is negative or no number says "never", and is -1 here.
    """
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    if not text:
        return 0
    readable = len(text) <= _PUSHBACK_DIGITS and text.isascii() and text.isdigit()
    return int(text) if readable else -1


def status_of(error: BaseException) -> Status:
    """Return what a gRPC peer is told of an error; the message of an internal one is withheld."""
    code, message = told_of(error)
    if not isinstance(error, errors.MeshError):
        return Status(code, message)
    # Tells what can't ever pass from a limit of load: both are RESOURCE_EXHAUSTED.
    pushback = -1 if isinstance(error, errors.TooLarge) else error.retry_after_ms
    return Status(code, message, ((PUSHBACK, str(pushback)),) if pushback else ())


def told_of(error: BaseException) -> tuple[StatusCode, str]:
    """Return the code and message of `status_of`, for who needs no more."""
    if not isinstance(error, errors.MeshError):
        return StatusCode.INTERNAL, WITHHELD
    code = STATUS[error.grpc_code]
    return code, WITHHELD if code is StatusCode.INTERNAL else error.message


def error_of(code: StatusCode, message: str, *, retry_after_ms: int = 0) -> errors.MeshError:
    """Return the error that stands for a status a peer sent.

    Units: `retry_after_ms` as the peer said; negative for "never" (`pushback_from`).
    """
    kind = CLASS[code]
    if kind is errors.Overloaded and retry_after_ms < 0:
        kind = errors.TooLarge
    return kind(
        message or f"the peer answered {code.name} without a message",
        retry_after_ms=max(0, retry_after_ms),
    )
