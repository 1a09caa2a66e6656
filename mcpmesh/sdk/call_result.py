"""What a call gives back: a result to read, or a tool's failure to raise.

A tool that fails still answers, as an HTTP server does with a 4xx: `call` returns the result,
`result.is_error` tells, and nothing is lost silently, because `data` of a failed call raises.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Self, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from mcpmesh.errors import MeshError
from mcpmesh.v1 import tool_pb2

T = TypeVar("T")
TOOL_ERROR = "TOOL_ERROR"


@dataclass(frozen=True, slots=True)
class Failure:
    """A tool's failure for programs: a code, and whether the same call may succeed later."""

    code: str = TOOL_ERROR
    retryable: bool = False
    retry_after_ms: int = 0


class ToolError(MeshError):
    """The tool answered, and its answer is a failure; the message is what it said."""

    def __init__(self, message: str, result: "CallResult[Any]", failure: Failure) -> None:
        super().__init__(message, retry_after_ms=failure.retry_after_ms)
        self.result = result
        self.code = failure.code


class RetryableToolError(ToolError):
    """A failure of the tool that may be gone when the same call comes again."""

    retryable = True


class UnexpectedResult(MeshError):
    """The tool succeeded, and its structured result is not of the type asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult(Generic[T]):
    """How a call ended: success, or a failure that a model can act on.

    `structured` is the tool's structured result as parsed JSON, None when it gave none; `data` is
    that, of the type asked for, and without the {"result": …} in which a result that is no
    object travels. `alerts` are warnings beside a valid result; `failure` comes with `is_error`.
    `tool` is the one that spoke: of several that provide the same capability, the chosen one.
    """

    content: tuple[tool_pb2.Content, ...] = ()
    structured: Any = None
    is_error: bool = False
    failure: Failure | None = None
    alerts: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str = ""
    tool: str = ""
    _value: T = field(repr=False)

    @property
    def text(self) -> str:
        """Join the text blocks of the content with line breaks."""
        return text_of(self.content)

    @property
    def data(self) -> T:
        """Return the result as `result_type`, or as parsed JSON when the call gave no type.

        Raises: ToolError when the call failed.
        """
        self.raise_for_error()
        return self._value

    def raise_for_error(self) -> Self:
        """Return the result itself when the call succeeded.

        Raises: ToolError (RetryableToolError where trying again may help) when it failed.
        """
        if not self.is_error:
            return self
        failure = self.failure or Failure()
        kind = RetryableToolError if failure.retryable else ToolError
        raise kind(self.text or f"the tool failed with {failure.code}", self, failure)


def result_from_message(
    message: tool_pb2.ToolResult,
    result_type: type[T] | None = None,
    correlation_id: str = "",
    tool: str = "",
) -> CallResult[T]:
    """Read a tool's result.

    Raises: UnexpectedResult when a success does not fit `result_type`, or is not JSON.
    """
    structured = _json(message.structured_content, "structured content")
    return CallResult(
        content=tuple(message.content),
        structured=structured,
        is_error=message.is_error,
        failure=_failure(message) if message.is_error else None,
        alerts=tuple(message.alerts),
        meta=_json(message.meta, "_meta") or {},
        correlation_id=correlation_id,
        tool=tool,
        _value=_unwrapped(structured)
        if result_type is None or message.is_error
        else _typed(message, structured, result_type),
    )


def _failure(message: tool_pb2.ToolResult) -> Failure:
    if not message.HasField("error"):
        return Failure()
    error = message.error
    return Failure(error.code or TOOL_ERROR, error.retryable, error.retry_after_ms)


def _json(content: bytes, what: str) -> Any:
    if not content:
        return None
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        raise UnexpectedResult(f"the tool's {what} is not JSON: {exc}") from exc


def _typed(message: tool_pb2.ToolResult, structured: Any, result_type: type[T]) -> T:
    """Validate the result; a tool that gave no structured one may still be read as text."""
    # A type is hashable; mypy does not say so of a variable one.
    adapter: TypeAdapter[T] = _adapter(result_type)  # type: ignore[arg-type]
    try:
        if not message.structured_content:
            return adapter.validate_python(text_of(message.content))
        if _unwrapped(structured) is structured:
            return adapter.validate_json(message.structured_content)
        return _either(adapter, structured)
    except ValidationError as exc:
        name = getattr(result_type, "__name__", repr(result_type))
        raise UnexpectedResult(f"the tool's result is no {name}: {_reasons(exc)}") from exc


def _either(adapter: TypeAdapter[T], structured: Any) -> T:
    """Validate {"result": …} as what is in it or, for a type with such a field, as the whole."""
    try:
        return adapter.validate_json(orjson.dumps(structured["result"]))
    except ValidationError:
        return adapter.validate_json(orjson.dumps(structured))


def _unwrapped(structured: Any) -> Any:
    if isinstance(structured, dict) and structured.keys() == {"result"}:
        return structured["result"]
    return structured


def text_of(content: Iterable[tool_pb2.Content]) -> str:
    """Join the text blocks with line breaks."""
    return "\n".join(block.text.text for block in content if block.HasField("text"))


def _reasons(error: ValidationError) -> str:
    """Write what does not fit, and where, in one line."""
    reasons = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, reason['loc'])) or 'value'}: {reason['msg']}" for reason in reasons
    )


@lru_cache(maxsize=256)
def _adapter(result_type: Any) -> TypeAdapter[Any]:
    """Build the validator of a type once; for a model that takes longer than a call."""
    return TypeAdapter(result_type)
