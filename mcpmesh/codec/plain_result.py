"""How a call ended, for programs that speak plain HTTP: names as MCP has them, no envelope."""

from typing import Any

import orjson

from mcpmesh.codec import mcp
from mcpmesh.codec.http_error import error_object, http_status_of_tool
from mcpmesh.codec.jsonrpc import embedded
from mcpmesh.codec.mcp_content import block_json, blocks_json
from mcpmesh.codec.mcp_entry import said
from mcpmesh.codec.mcp_result import input_required_json
from mcpmesh.errors import RemoteProtocolError
from mcpmesh.v1 import invoke_pb2, tool_pb2

_NEWEST = mcp.MODERN[0]


def plain_result(result: tool_pb2.ToolResult) -> tuple[int, bytes]:
    """Write a result, and return the HTTP status that fits it.

    Raises: RemoteProtocolError when the tool's structured content or `_meta` cannot be written.
    """
    told: dict[str, Any] = {
        "isError": result.is_error,
        "content": blocks_json(result.content, _NEWEST),
    }
    if result.structured_content:
        told["structuredContent"] = _json(result.structured_content, "structured content")
    if result.alerts:
        told["alerts"] = list(result.alerts)
    if result.meta:
        told["_meta"] = _json(result.meta, "_meta")
    if not result.is_error:
        return 200, written(told)
    error = result.error
    told["error"] = error_object(
        error.code or "TOOL_ERROR",
        said(result) or "the tool failed and did not say why",
        error.retryable,
        error.retry_after_ms,
    )
    return http_status_of_tool(error), written(told)


def plain_question(asked: tool_pb2.InputRequired, state: str) -> bytes:
    """Write what a tool asks back.

    Raises: RemoteProtocolError.
    """
    question = input_required_json(asked, state, {})
    del question["resultType"]
    return written({"inputRequired": question})


def plain_event(event: invoke_pb2.InvokeEvent) -> tuple[str, bytes] | None:
    """Return an event's name and what it says; None for those that end a call, or are unknown.

    Raises: RemoteProtocolError.
    """
    kind = event.WhichOneof("event")
    if kind == "progress":
        progress: dict[str, Any] = {"progress": event.progress.progress}
        if event.progress.HasField("total"):
            progress["total"] = event.progress.total
        if event.progress.message:
            progress["message"] = event.progress.message
        return kind, written(progress)
    if kind == "log":
        line: dict[str, Any] = {"level": event.log.level or "info"}
        if event.log.logger:
            line["logger"] = event.log.logger
        line["data"] = _logged(event.log.data)
        return kind, written(line)
    if kind == "content":
        return kind, written(block_json(event.content, _NEWEST))
    return None


def _logged(raw: bytes) -> Any:
    try:
        return embedded(raw) if raw else None
    except ValueError:
        return raw.decode(errors="replace")


def _json(raw: bytes, what: str) -> Any:
    try:
        return embedded(raw)
    except ValueError as exc:
        raise RemoteProtocolError(f"the tool's {what} is not JSON") from exc


def written(value: Any) -> bytes:
    """Write JSON on one line.

    Raises: RemoteProtocolError for what nests too deep.
    """
    try:
        return orjson.dumps(value)
    except TypeError as exc:
        raise RemoteProtocolError("the answer nests too deep to be written") from exc
