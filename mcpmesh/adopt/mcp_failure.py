"""What an error of an MCP server, or of its session, is in the mesh."""

from collections.abc import Mapping

import mcp_types as types
from mcp import MCPError
from pydantic import ValidationError

from mcpmesh.errors import (
    DeadlineExceeded,
    InvalidCall,
    MeshError,
    MethodNotFound,
    Overloaded,
    ReplicaLost,
    ToolNotFound,
)
from mcpmesh.model.tool import Tool
from mcpmesh.sdk.failure import Refused, ToolFailure

#: What servers before 2026-07-28 say of a resource that is not there.
_NOT_FOUND = -32002
_KINDS: Mapping[int, type[MeshError]] = {
    types.INVALID_PARAMS: InvalidCall,
    types.METHOD_NOT_FOUND: MethodNotFound,
    types.REQUEST_TIMEOUT: DeadlineExceeded,
    _NOT_FOUND: ToolNotFound,
}


def away(tool: Tool) -> Refused:
    """Return the refusal of a call that was certainly not done: it may go to another copy."""
    return Refused(Overloaded(f"{tool.name}: the upstream is away", retry_after_ms=1))


def failure_of(tool: Tool, error: MCPError | ValidationError, *, sent: bool) -> Exception:
    """Return what the error of a call means; `sent` says whether the server may have seen it."""
    if isinstance(error, ValidationError):
        return ToolFailure(f"{tool.name}: the server {said(error)}", code="INTERNAL")
    text = f"{tool.name}: {error.message}"
    if is_lost(error):
        if not sent:
            return away(tool)
        return Refused(ReplicaLost(f"{tool.name}: the upstream was lost during the call"))
    if tool.kind is not None and error.code in (_NOT_FOUND, types.INVALID_PARAMS):
        return ToolFailure(text, code="NOT_FOUND")
    if error.code in _KINDS:
        return Refused(_KINDS[error.code](text))
    # What a server calls internal is mostly its tool's trouble, and of use to the model.
    return ToolFailure(text, code="INTERNAL")


def is_lost(error: MCPError) -> bool:
    """Tell whether an error says that the session is over."""
    # Those that the client makes itself; a server may use their codes for something else.
    if error.code == types.CONNECTION_CLOSED:
        return error.message == "Connection closed" or error.message.startswith("SSE stream ")
    return (error.code, error.message) == (types.INVALID_REQUEST, "Session terminated")


def said(error: BaseException) -> str:
    """Return in one sentence what an error of the client says."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        if is_lost(error):
            return "ended the session"
        return f"refused with error {error.code}: {error.message}"
    if isinstance(error, ValidationError):
        return f"answered with what MCP does not know: {error.errors()[0]['msg']}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
