"""How a call of a tool ended, as the messages that say so."""

from collections.abc import Sequence

from mcpmesh.sdk.content import text_block
from mcpmesh.sdk.failure import ToolFailure
from mcpmesh.v1 import invoke_pb2, tool_pb2


def failed(failure: ToolFailure) -> invoke_pb2.InvokeResponse:
    """Return the answer of a tool that failed: a sentence for the model, a code for programs."""
    error = tool_pb2.ToolError(
        code=failure.code, retryable=failure.retryable, retry_after_ms=failure.retry_after_ms
    )
    content = [text_block(failure.message)]
    result = tool_pb2.ToolResult(content=content, is_error=True, error=error)
    return invoke_pb2.InvokeResponse(result=result)


def succeeded(
    result: tool_pb2.ToolResult, alerts: Sequence[str], chunks: Sequence[tool_pb2.Content] = ()
) -> invoke_pb2.InvokeResponse:
    """Return the answer of a tool that came to its end: chunks nobody saw go before its result."""
    response = invoke_pb2.InvokeResponse()
    response.result.content.extend(chunks)
    response.result.MergeFrom(result)
    response.result.alerts.extend(alerts)
    return response


def last_event(response: invoke_pb2.InvokeResponse) -> invoke_pb2.InvokeEvent:
    """Return the event that ends a stream as this answer ends a unary call."""
    if response.HasField("input_required"):
        return invoke_pb2.InvokeEvent(input_required=response.input_required)
    return invoke_pb2.InvokeEvent(result=response.result)


def outcome_of(response: invoke_pb2.InvokeResponse) -> str:
    """Name an outcome for logs and spans: ok, input_required, or the failure's code."""
    if response.HasField("input_required"):
        return "input_required"
    if response.result.is_error:
        return response.result.error.code or "TOOL_ERROR"
    return "ok"
