"""An HTTP answer → a tool's result, or the failure that the model reads."""

from dataclasses import dataclass

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema_specifications import REGISTRY as SPECIFICATIONS

from mcpmesh.adopt.http_status import code_of
from mcpmesh.adopt.openapi_result import RESULT, HttpResult, is_json
from mcpmesh.adopt.retry_after import retry_after_ms
from mcpmesh.errors import NoReplica
from mcpmesh.sdk.content import Image, blocks, text_block
from mcpmesh.sdk.failure import Refused, ToolFailure
from mcpmesh.v1 import tool_pb2

_EXCERPT = 2000


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What a server answered: its status, some headers, the body."""

    status: int
    reason: str
    media_type: str
    body: bytes
    retry_after: str = ""
    location: str = ""


class Declared:
    """What an operation says of its results."""

    def __init__(self, title: str, result: HttpResult) -> None:
        self._title = title
        self._wrapped = result.wrapped
        self._validator = None
        if result.schema is not None:
            # With a registry of its own it never fetches what a $ref names.
            self._validator = Draft202012Validator(result.schema, registry=SPECIFICATIONS)

    def result(self, answer: HttpAnswer, now: float) -> tool_pb2.ToolResult:
        """Return the result of a success.

        Units: `now` is the wall clock.
        Raises: ToolFailure or Refused for anything else.
        """
        if not 200 <= answer.status < 300:
            raise _failure(self._title, answer, now)
        kind = answer.media_type.partition(";")[0].strip().lower()
        if answer.body and is_json(kind):
            return self._json(answer)
        if self._validator is not None:
            raise self._undeclared(answer, f"{kind or 'nothing'} instead of JSON")
        return tool_pb2.ToolResult(content=blocks(_content(kind, answer.body)))

    def _json(self, answer: HttpAnswer) -> tool_pb2.ToolResult:
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise self._undeclared(answer, f"no JSON, which it said it is: {error}") from error
        structured = value if isinstance(value, dict) and not self._wrapped else {RESULT: value}
        if self._validator is not None:
            try:
                wrong = best_match(self._validator.iter_errors(structured))
            except RecursionError:
                raise self._undeclared(answer, "JSON nested too deep") from None
            if wrong is not None:
                where = ".".join(str(part) for part in wrong.absolute_path)
                raise self._undeclared(answer, f"{where}: {wrong.message}"[:300])
        return tool_pb2.ToolResult(
            content=[text_block(orjson.dumps(value).decode())],
            structured_content=orjson.dumps(structured),
        )

    def _undeclared(self, answer: HttpAnswer, reason: str) -> ToolFailure:
        return ToolFailure(
            f"{self._title} answered {answer.status} with what its document does not declare: "
            f"{reason}\nThe answer: {_excerpt(answer)}",
            code="INTERNAL",
        )


def _content(kind: str, body: bytes) -> object:
    if not body:
        return None
    if kind.startswith("image/"):
        return Image(body, kind)
    if kind.startswith("audio/"):
        return tool_pb2.AudioContent(data=body, mime_type=kind)
    if kind.startswith("text/") or kind.endswith(("xml", "yaml", "javascript")):
        return body.decode(errors="replace")
    return body


def _failure(title: str, answer: HttpAnswer, now: float) -> ToolFailure | Refused:
    """Return what a status means.

    502 and 503 are the mesh's business, which may have another replica. 429 is not: mostly it
    counts what a caller does, wherever that is.
    """
    message = f"{title}: {answer.status} {answer.reason}".rstrip()
    if answer.location and 300 <= answer.status < 400:
        message += f": it refers to {answer.location[:300]}, which is not followed"
    if answer.body:
        message += f"\n{_excerpt(answer)}"
    wait_ms = retry_after_ms(answer.retry_after, now)
    if answer.status in (502, 503):
        # A long wish is for the model to know, and no call waits for it.
        return Refused(NoReplica(message, retry_after_ms=wait_ms if wait_ms <= 1000 else 0))
    code = code_of(answer.status)
    return ToolFailure(
        message, code=code, retryable=answer.status in (408, 429, 504), retry_after_ms=wait_ms
    )


def _excerpt(answer: HttpAnswer) -> str:
    said = answer.body[: _EXCERPT + 4].decode(errors="replace")
    if "\0" in said:
        return f"({len(answer.body)} bytes of {answer.media_type or 'no type'})"
    return said if len(answer.body) <= _EXCERPT else f"{said[:_EXCERPT]}…"
