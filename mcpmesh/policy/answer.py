"""What the end of a call says of the tool that was chosen for it."""

from grpc import StatusCode

#: The caller's doing, or nobody's: the tool is neither better nor worse for it.
_SAY_NOTHING = frozenset(
    (
        StatusCode.CANCELLED,
        StatusCode.INVALID_ARGUMENT,
        StatusCode.OUT_OF_RANGE,
        StatusCode.NOT_FOUND,
        StatusCode.ALREADY_EXISTS,
        StatusCode.FAILED_PRECONDITION,
        StatusCode.ABORTED,
        StatusCode.PERMISSION_DENIED,
        StatusCode.UNAUTHENTICATED,
    )
)
_CALLERS_FAULT = frozenset(code.name for code in _SAY_NOTHING)


def is_good(code: StatusCode) -> bool | None:
    """Tell whether a call ended well for its caller; None when that says nothing of the tool.

    Unlike with replicas, a tool that refuses calls for load failed: another one may take them.
    """
    return None if code in _SAY_NOTHING else code is StatusCode.OK


def is_good_result(is_error: bool, code: str) -> bool | None:
    """Tell the same of a tool's own result; `code` is that of its failure, if it says one."""
    if not is_error:
        return True
    return None if code in _CALLERS_FAULT else False
