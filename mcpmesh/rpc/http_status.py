"""What an end without a grpc-status means in gRPC.

Source: gRPC's http-grpc-status-mapping; gRPC over HTTP/2 (PROTOCOL-HTTP2), Errors.
"""

from grpc import StatusCode

from mcpmesh.wire.error_code import ErrorCode

_HTTP = {
    b"400": StatusCode.INTERNAL,
    b"401": StatusCode.UNAUTHENTICATED,
    b"403": StatusCode.PERMISSION_DENIED,
    b"404": StatusCode.UNIMPLEMENTED,
    b"429": StatusCode.UNAVAILABLE,
    b"502": StatusCode.UNAVAILABLE,
    b"503": StatusCode.UNAVAILABLE,
    b"504": StatusCode.UNAVAILABLE,
}

_RESET: dict[int, StatusCode] = {
    ErrorCode.NO_ERROR: StatusCode.INTERNAL,
    ErrorCode.PROTOCOL_ERROR: StatusCode.INTERNAL,
    ErrorCode.INTERNAL_ERROR: StatusCode.INTERNAL,
    ErrorCode.FLOW_CONTROL_ERROR: StatusCode.INTERNAL,
    ErrorCode.FRAME_SIZE_ERROR: StatusCode.INTERNAL,
    ErrorCode.REFUSED_STREAM: StatusCode.UNAVAILABLE,
    ErrorCode.CANCEL: StatusCode.CANCELLED,
    ErrorCode.COMPRESSION_ERROR: StatusCode.INTERNAL,
    ErrorCode.CONNECT_ERROR: StatusCode.UNAVAILABLE,
    ErrorCode.ENHANCE_YOUR_CALM: StatusCode.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: StatusCode.PERMISSION_DENIED,
}


def code_of_http(status: bytes) -> tuple[StatusCode, str]:
    """Return the gRPC status and message for an HTTP status."""
    shown = status.decode("latin-1")
    return _HTTP.get(status, StatusCode.UNKNOWN), f"the peer answered HTTP {shown}, not gRPC"


def code_of_reset(code: int, *, refused: bool) -> StatusCode:
    """Return the gRPC status for a stream that ended early.

    `wire` ends the streams of a lost connection with CONNECT_ERROR.
    """
    if refused:
        return StatusCode.UNAVAILABLE
    return _RESET.get(code, StatusCode.UNKNOWN)
