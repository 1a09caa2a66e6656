"""What the params of a tools/call may hold."""

from typing import Any

from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, RpcError
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import check_name


def check_params(tool: Any, arguments: Any, meta: Any) -> None:
    """Refuse what a tools/call must not hold.

    Raises: RpcError -32602.
    """
    if type(tool) is not str:
        raise RpcError(INVALID_PARAMS, '"name" is missing, or is not a string')
    try:
        check_name("tool name", tool)
    except InvalidCall as exc:
        raise RpcError(INVALID_PARAMS, f"unknown tool: {exc.message}") from exc
    if arguments is not None and type(arguments) is not dict:
        raise RpcError(INVALID_PARAMS, f'{tool}: "arguments" is not an object')
    if meta is not None:
        check_meta(tool, meta)


def check_meta(tool: str, meta: Any) -> None:
    """Refuse what a call's `_meta` must not hold.

    Raises: RpcError -32602.
    """
    if meta is None:
        return
    if type(meta) is not dict:
        raise RpcError(INVALID_PARAMS, f'{tool}: "_meta" is not an object')
    token = meta.get("progressToken")
    if token is not None and type(token) is not str and type(token) is not int:
        raise RpcError(INVALID_PARAMS, f"{tool}: progressToken is neither a string nor an integer")
    if mcp.LOG_LEVEL in meta and meta[mcp.LOG_LEVEL] not in mcp.LOG_LEVELS:
        raise RpcError(INVALID_PARAMS, f"{tool}: logLevel is not one of {mcp.LOG_LEVELS}")


def asked_version(version: Any) -> str:
    """Read the tool's version that a client asks for.

    Raises: RpcError -32602.
    """
    try:
        check_name("tool version", version)
    except (InvalidCall, TypeError) as exc:
        raise RpcError(INVALID_PARAMS, f"{mcp.OUR_TOOL_VERSION} is not a version") from exc
    return str(version)
