"""How a call ended, as the result of MCP's tools/call."""

from collections.abc import Mapping
from typing import Any

import orjson

from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import embedded
from mcpmesh.codec.mcp_content import blocks_json, text_block
from mcpmesh.codec.mcp_error import error_meta, tool_error_meta
from mcpmesh.errors import RemoteProtocolError
from mcpmesh.v1 import tool_pb2

Result = dict[str, Any]
_STRUCTURED_SINCE = "2025-06-18"
#: What a client must have declared to be asked, by the method of the question.
_CAPABILITY = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}


def tool_result_json(message: tool_pb2.ToolResult, version: str, meta: Mapping[str, Any]) -> Result:
    """Write a tool's result; `meta` is the bridge's own `_meta`, the tool's entries go below it.

    Raises: RemoteProtocolError when the tool's structured content or `_meta` is not JSON.
    """
    content = blocks_json(message.content, version)
    result: Result = {"content": content, "isError": message.is_error}
    if message.structured_content:
        _add_structured(result, message.structured_content, version)
    full = {**_object(message.meta, "_meta"), **meta} if message.meta else dict(meta)
    if message.HasField("error"):
        full[mcp.OUR_ERROR] = tool_error_meta(message.error)
    if message.alerts:
        full[mcp.OUR_ALERTS] = list(message.alerts)
        content.extend(text_block(f"Note: {alert}") for alert in message.alerts)
    if full:
        result["_meta"] = full
    if version in mcp.MODERN:
        result["resultType"] = "complete"
    return result


def failure_json(
    text: str, error: Mapping[str, Any], version: str, meta: Mapping[str, Any]
) -> Result:
    """Write a failure that the model can act on."""
    result: Result = {
        "content": [text_block(text)],
        "isError": True,
        "_meta": {**meta, mcp.OUR_ERROR: error},
    }
    if version in mcp.MODERN:
        result["resultType"] = "complete"
    return result


def _add_structured(result: Result, raw: bytes, version: str) -> None:
    """Add structured content where the revision knows it, and as text when there is none yet."""
    try:
        value = embedded(raw)
    except ValueError as exc:
        raise RemoteProtocolError("the tool's structured content is not JSON") from exc
    if not result["content"]:
        result["content"].append(text_block(raw.decode()))
    is_object = raw.lstrip()[:1] == b"{"
    if version in mcp.MODERN or (version >= _STRUCTURED_SINCE and is_object):
        result["structuredContent"] = value


def _object(raw: bytes, what: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(raw)
    except ValueError as exc:
        raise RemoteProtocolError(f"the tool's {what} is not JSON") from exc
    if not isinstance(value, dict):
        raise RemoteProtocolError(f"the tool's {what} is not a JSON object")
    return value


def input_required_json(
    message: tool_pb2.InputRequired, request_state: str, meta: Mapping[str, Any]
) -> Result:
    """Write what a tool asks back, for a client of the modern era.

    Raises: RemoteProtocolError when a question's params are not a JSON object.
    """
    result: Result = {"resultType": "input_required"}
    if message.input_requests:
        result["inputRequests"] = {
            key: {"method": asked.method, "params": _object(asked.params or b"{}", "question")}
            for key, asked in sorted(message.input_requests.items())
        }
    result["requestState"] = request_state
    if meta:
        result["_meta"] = dict(meta)
    return result


def missing_capabilities(
    message: tool_pb2.InputRequired, declared: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a client would have had to declare to be asked this; empty when it did."""
    missing: dict[str, Any] = {}
    for asked in message.input_requests.values():
        name = _CAPABILITY.get(asked.method, asked.method)
        if not isinstance(declared.get(name), dict):
            missing[name] = {}
        elif name == "elicitation" and b'"url"' in asked.params:
            params = _object(asked.params, "question")
            if params.get("mode") == "url" and "url" not in declared[name]:
                missing[name] = {"url": {}}
    return missing


def cannot_ask_json(
    tool: str, message: tool_pb2.InputRequired, version: str, meta: Mapping[str, Any]
) -> Result:
    """Write the failure of a tool that asks back a client which this bridge cannot ask."""
    methods = ", ".join(sorted({asked.method for asked in message.input_requests.values()}))
    text = (
        f"{tool}: the tool needs an answer before it can go on ({methods or 'no question'}), and "
        f"a client of protocol version {version} cannot be asked through this bridge. Give what "
        f"is missing as arguments, or connect with protocol version {mcp.MODERN[0]}."
    )
    return failure_json(text, error_meta("FAILED_PRECONDITION", False, 0), version, meta)
