"""A call as it goes out: the request, its metadata and its time limit."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import orjson
from pydantic_core import to_jsonable_python

from mcpmesh.errors import InvalidCall, MeshError
from mcpmesh.model.tool import check_callable
from mcpmesh.model.trace import parse_traceparent, valid_correlation_id
from mcpmesh.sdk.rpc_error import CORRELATION, metadata_value
from mcpmesh.telemetry.propagate import headers_of_current
from mcpmesh.v1 import invoke_pb2, tool_pb2

#: What orjson says, in words that fit arguments.
_NOT_JSON = {
    "Recursion limit reached": "they are nested over 254 levels deep, or hold themselves",
    "str is not valid UTF-8: surrogates not allowed": (
        "a text in them has half of a surrogate pair, which is no character"
    ),
}
#: gRPC metadata: ASCII keys in lower case.
Metadata = Sequence[tuple[str, str]]
Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What a tool asks back: MCP's method, such as elicitation/create, and its params."""

    key: str
    method: str
    params: Mapping[str, Any]


#: Answers a tool's question with that method's result, such as {"action": "accept", …}.
OnInput = Callable[[Question], Awaitable[Mapping[str, Any]]]


class QuestionUnanswered(MeshError):
    """The tool asks back, and the call has nobody to answer; give it `on_input`."""

    def __init__(self, message: str, questions: tuple[Question, ...]) -> None:
        super().__init__(message)
        self.questions = questions


class CommonOptions(TypedDict, total=False):
    """What may be said with every call.

    `timeout`: seconds until nobody waits any more, None for no limit of this client; each round of
    a tool that asks back has its own.
    `version`: the tool's version; empty for the newest. `wait_for_ready`: with no replica ready,
    wait (until the timeout) instead of failing.
    `correlation_id`: 1 to 128 visible ASCII characters; when absent that of the call which the
    running tool serves, or one that the mesh makes. `traceparent`: W3C header of the parent span;
    when absent the current OpenTelemetry span is the parent. `meta`: MCP's `_meta`.
    """

    timeout: float | None
    metadata: Metadata
    version: str
    wait_for_ready: bool
    correlation_id: str | None
    traceparent: str | None
    meta: Mapping[str, Any]


class CallOptions(CommonOptions, total=False):
    """CommonOptions, and `on_input`: a coroutine function that answers what the tool asks."""

    on_input: OnInput | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call of a tool, ready to be sent."""

    request: invoke_pb2.InvokeRequest
    metadata: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None
    wait_for_ready: bool = False
    on_input: OnInput | None = field(default=None, repr=False)

    @property
    def tool(self) -> str:
        """Return the name of the tool called."""
        return self.request.tool

    @property
    def correlation_id(self) -> str:
        """Return the call's correlation id; empty when the mesh is to make one."""
        return metadata_value(self.metadata, CORRELATION)

    async def answered(self, asked: tool_pb2.InputRequired, spoke: str = "") -> "Outgoing":
        """Return the call to make next: the same, with the answers to what the tool asked.

        `spoke` is the tool that asked, where several provide what was called.

        Raises: QuestionUnanswered when the call has no `on_input`.
        """
        if self.on_input is None:
            raise unanswered(self.tool, asked)
        request = invoke_pb2.InvokeRequest()
        request.CopyFrom(self.request)
        request.ClearField("input_responses")
        request.request_state = asked.request_state
        for question in questions_of(asked):
            request.input_responses[question.key] = orjson.dumps(await self.on_input(question))
        if not spoke or spoke == request.tool:
            return replace(self, request=request)
        request.tool = spoke
        metadata = tuple((k, spoke if k == "mcp-name" else value) for k, value in self.metadata)
        return replace(self, request=request, metadata=metadata)


def pairs(metadata: Metadata) -> Metadata:
    """Return metadata as it travels, where one name may have several values.

    Raises: InvalidCall for what is no sequence of pairs, such as a dictionary.
    """
    found = tuple(metadata)
    # A dictionary gives its keys, and a text its letters.
    if not all(isinstance(each, tuple | list) and len(each) == 2 for each in found):
        raise InvalidCall(
            f"metadata {metadata!r:.100} is not pairs of texts; write it as "
            "[('x-user', 'ada')], names in lower case"
        )
    return found


def outgoing(
    tool: str,
    arguments: Arguments | None = None,
    *,
    timeout: float | None = None,
    metadata: Metadata = (),
    version: str = "",
    wait_for_ready: bool = False,
    correlation_id: str | None = None,
    traceparent: str | None = None,
    meta: Mapping[str, Any] | None = None,
    on_input: OnInput | None = None,
) -> Outgoing:
    """Write a call.

    Raises: InvalidCall for arguments that are not JSON, or an option that cannot travel.
    """
    check_callable(tool)
    request = invoke_pb2.InvokeRequest(
        tool=tool,
        arguments=encoded(tool, arguments or {}),
        version=version,
        meta=encoded(tool, meta) if meta else b"",
    )
    headers = _headers(version, wait_for_ready, correlation_id, traceparent)
    said = {"mcp-name": tool, **headers, **dict(metadata)}
    current = headers_of_current()
    if "traceparent" in said:
        # The state belongs to the trace that was current, not to the one that was said.
        current.pop("tracestate", None)
    headers.update({key: value for key, value in current.items() if key not in said})
    headers["mcp-name"] = tool
    if timeout is not None and not timeout >= 0:
        raise InvalidCall(f"timeout {timeout} is not a number of seconds from 0 up")
    return Outgoing(request, (*metadata, *headers.items()), timeout, wait_for_ready, on_input)


def _headers(
    version: str, wait_for_ready: bool, correlation_id: str | None, traceparent: str | None
) -> dict[str, str]:
    headers: dict[str, str] = {}
    if version:
        headers["mcpmesh-tool-version"] = version
    if wait_for_ready:
        headers["mcpmesh-wait-for-ready"] = "true"
    if correlation_id is not None:
        if not valid_correlation_id(correlation_id):
            raise InvalidCall("correlation_id is not 1 to 128 visible ASCII characters")
        headers["x-correlation-id"] = correlation_id
    if traceparent is not None:
        if parse_traceparent(traceparent) is None:
            raise InvalidCall(f"traceparent {traceparent[:80]!r} is not a W3C traceparent header")
        headers["traceparent"] = traceparent
    return headers


def encoded(tool: str, arguments: Mapping[str, Any]) -> bytes:
    """Write arguments as JSON bytes; pydantic models, dataclasses and datetimes are understood.

    Raises: InvalidCall naming the tool when something in them is not JSON.
    """
    try:
        return orjson.dumps(arguments, default=to_jsonable_python)
    except (TypeError, ValueError) as exc:
        reason = _NOT_JSON.get(str(exc), exc)
        raise InvalidCall(f"{tool}: the arguments are not JSON: {reason}") from exc


def questions_of(asked: tool_pb2.InputRequired) -> tuple[Question, ...]:
    """Read what a tool asks, in the order of the keys."""
    return tuple(
        Question(key, request.method, orjson.loads(request.params or b"{}"))
        for key, request in sorted(asked.input_requests.items())
    )


def unanswered(tool: str, asked: tool_pb2.InputRequired) -> QuestionUnanswered:
    """Return the error for a tool that asks where nobody answers."""
    questions = questions_of(asked)
    methods = ", ".join(sorted({question.method for question in questions})) or "no question"
    return QuestionUnanswered(f"{tool} asks back ({methods}): call it with on_input", questions)
