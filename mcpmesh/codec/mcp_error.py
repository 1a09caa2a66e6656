"""Our errors as an MCP client is told: a result for the model to act on, or a JSON-RPC error."""

from typing import Any

from mcpmesh import errors
from mcpmesh.codec import jsonrpc, mcp
from mcpmesh.codec.status import FOR_THE_MODEL, STATUS, WITHHELD
from mcpmesh.policy.retry import GiveUp
from mcpmesh.v1 import tool_pb2

#: What the model may do about it, by class; the message says what happened.
_ADVICE: dict[type[errors.MeshError], str] = {
    errors.NoReplica: "Nothing serves this tool right now; try again later or use another tool.",
    errors.ReplicaLost: "The call may or may not have taken effect; check before repeating it.",
    errors.Draining: "The server is going away; try again.",
    errors.Overloaded: "Too many calls at once; wait, then try again.",
    errors.DeadlineExceeded: "It took too long; ask for less at once, or allow more time.",
}


def error_meta(code: str, retryable: bool, retry_after_ms: int) -> dict[str, Any]:
    """Write the `mcpmesh/error` entry of `_meta`."""
    return {"code": code, "retryable": retryable, "retry_after_ms": retry_after_ms}


def tool_error_meta(error: tool_pb2.ToolError) -> dict[str, Any]:
    """Write a tool's own failure as the `mcpmesh/error` entry."""
    return error_meta(error.code or "TOOL_ERROR", error.retryable, error.retry_after_ms)


def failure_of(error: errors.MeshError) -> tuple[str, dict[str, Any]] | None:
    """Return a failure's sentence for the model and its `mcpmesh/error` entry.

    None for an error that is not the model's to act on: it becomes a JSON-RPC error.
    """
    if not isinstance(error, FOR_THE_MODEL):
        return None
    meta = error_meta(STATUS[error.grpc_code].name, error.retryable, error.retry_after_ms)
    return f"{error.message.rstrip('.')}. {_advice(error)}".rstrip(), meta


def _advice(error: errors.MeshError) -> str:
    if error.retry_after_ms > 0:
        wait = f"{error.retry_after_ms / 1000:g} s"
        # The router says so itself where it refuses a call.
        return "" if wait in error.message else f"Try again after {wait}."
    if GiveUp.MAY_HAVE_ACTED.value in error.message:
        # Between processes a lost replica has the same status as none at all.
        return _ADVICE[errors.ReplicaLost]
    return next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), "Try again.")


def rpc_error_of(error: BaseException) -> jsonrpc.RpcError:
    """Return the JSON-RPC error for an error; the message of an internal one is withheld."""
    if isinstance(error, jsonrpc.RpcError):
        return error
    if not isinstance(error, errors.MeshError) or _is_internal(error):
        return jsonrpc.RpcError(jsonrpc.INTERNAL_ERROR, WITHHELD)
    code = STATUS[error.grpc_code].name
    meta = error_meta(code, error.retryable, error.retry_after_ms)
    return jsonrpc.RpcError(error.jsonrpc_code, error.message, {mcp.OUR_ERROR: meta})


def _is_internal(error: errors.MeshError) -> bool:
    return error.grpc_code == errors.InternalError.grpc_code
