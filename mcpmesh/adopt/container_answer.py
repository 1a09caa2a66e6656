"""What a tool container answers → a tool's result, or the failure that ends the call.

An object with one of MCP's members of a result is read as one; any other JSON is the structured
result itself, so the simplest container answers with what it found.
"""

from contextlib import suppress
from typing import Any

import httpx2
import orjson

from mcpmesh.adopt.http_status import code_of
from mcpmesh.adopt.retry_after import retry_after_ms
from mcpmesh.codec.mcp_content import text_block as text_of
from mcpmesh.codec.mcp_read import tool_result
from mcpmesh.errors import MeshError, NoReplica, Overloaded
from mcpmesh.sdk.content import text_block
from mcpmesh.sdk.failure import Refused, ToolFailure
from mcpmesh.v1 import tool_pb2

_MEMBERS = frozenset({"content", "isError", "structuredContent"})
#: What a bridge answers for a tool that asks back, and the event that says the same.
QUESTION = "inputRequired"
_EXCERPT = 500
#: The container cannot take the call now; another replica may.
_ELSEWHERE: dict[int, type[MeshError]] = {429: Overloaded, 502: NoReplica, 503: NoReplica}


def result_of(tool: str, body: bytes) -> tool_pb2.ToolResult:
    """Read the body of a good answer, or the data of a `result` event.

    Raises: ToolFailure.
    """
    try:
        said = orjson.loads(body) if body else {}
        if isinstance(said, dict) and QUESTION in said:
            raise cannot_ask(tool)
        if isinstance(said, dict) and (not said or not _MEMBERS.isdisjoint(said)):
            return _whole(said)
    except ValueError as error:
        message = f"{tool}: the container's answer is none: {error}"
        raise ToolFailure(message, code="INTERNAL") from error
    text = said if isinstance(said, str) else orjson.dumps(said).decode()
    result = tool_pb2.ToolResult(content=[text_block(text)])
    if not isinstance(said, str):
        result.structured_content = orjson.dumps(said)
    return result


def cannot_ask(tool: str) -> ToolFailure:
    """Return the failure of a tool that asks back."""
    return ToolFailure(
        f"{tool}: the tool asks back, which tools behind plain HTTP cannot; have it take what it "
        "needs as arguments, or adopt its server over MCP",
        code="FAILED_PRECONDITION",
    )


def chunk_of(data: bytes) -> tool_pb2.Content | None:
    """Read the data of a `content` event; None for what is no block.

    Raises: ValueError.
    """
    content = tool_result({"content": [orjson.loads(data)]}, str).content
    return content[0] if content else None


def _whole(said: dict[str, Any]) -> tool_pb2.ToolResult:
    """Read a result with MCP's members.

    Raises: ValueError.
    """
    if "content" not in said and "structuredContent" in said:
        said = {**said, "content": [text_of(orjson.dumps(said["structuredContent"]).decode())]}
    result = tool_result({"content": [], **said}, str)
    alerts = said.get("alerts")
    result.alerts.extend(map(str, alerts) if isinstance(alerts, list) else ())
    error = said.get("error")
    if result.is_error and isinstance(error, dict):
        failure = failure_of("", error, "TOOL_ERROR")
        result.error.code, result.error.retryable = failure.code, failure.retryable
        result.error.retry_after_ms = failure.retry_after_ms
        if not result.content:
            result.content.append(text_block(failure.message))
    return result


def failed(tool: str, answer: httpx2.Response, body: bytes, now: float) -> tool_pb2.ToolResult:
    """Read an answer that is no success; one with content of its own is a result.

    Units: `now` is the wall clock.
    Raises: ToolFailure, Refused.
    """
    said = _object(body)
    if said.get("isError") is True and "content" in said:
        with suppress(ValueError):
            return _whole(said)
    error = said.get("error")
    told: dict[str, Any] = error if isinstance(error, dict) else {}
    if not told:
        excerpt = body[:_EXCERPT].decode(errors="replace")
        text = error if isinstance(error, str) else excerpt
        told = {"message": f"{answer.status_code} {answer.reason_phrase}: {text}".rstrip(": ")}
    status = answer.status_code
    wait_ms = retry_after_ms(answer.headers.get("retry-after", ""), now)
    wait_ms = wait_ms or _number(told.get("retry_after_ms"))
    elsewhere = _ELSEWHERE.get(status)
    if elsewhere is not None:
        message = f"{tool}: {told.get('message', '')}"
        raise Refused(elsewhere(message, retry_after_ms=wait_ms))
    raise failure_of(tool, {**told, "retry_after_ms": wait_ms}, code_of(status))


def failure_of(tool: str, error: dict[str, Any], code: str) -> ToolFailure:
    """Read an `error`: a sentence, a code, when to come again."""
    message = str(error.get("message") or "the tool failed and did not say why")
    return ToolFailure(
        f"{tool}: {message}" if tool else message,
        code=str(error.get("code") or code)[:64],
        retryable=error.get("retryable") is True,
        retry_after_ms=_number(error.get("retry_after_ms")),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _number(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, int | float) and value < 1e12 else 0
