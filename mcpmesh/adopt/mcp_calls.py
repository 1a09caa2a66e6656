"""Calls of an MCP server on behalf of the mesh: what it asks is asked of the caller."""

from collections.abc import Callable, Mapping
from typing import Any

import mcp_types as types
import orjson
from mcp import MCPError
from pydantic import ValidationError

from mcpmesh.adopt.mcp_call import Ask, Json, McpCall
from mcpmesh.adopt.mcp_failure import away, failure_of
from mcpmesh.adopt.mcp_links import OpenedLinks, links_in
from mcpmesh.adopt.mcp_session import McpSession
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.parked import Parked
from mcpmesh.config import UpstreamSettings
from mcpmesh.model.tool import Tool
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.failure import InputNeeded, ToolFailure
from mcpmesh.v1 import tool_pb2

#: Members of `_meta` that are between two neighbours.
_OF_THE_HOP = "io.modelcontextprotocol/"
_LOG_LEVEL = "io.modelcontextprotocol/logLevel"
#: Rounds of questions that a call may take.
_MOST_ROUNDS = 100
Read = Callable[[Json, Callable[[str], str]], tool_pb2.ToolResult]
#: Params of a request, without `_meta` and answers.
Params = Mapping[str, Any]


class McpCalls:
    """Makes the calls of one session. `parked` holds those that wait for their caller."""

    def __init__(
        self, session: McpSession, naming: Naming, settings: UpstreamSettings, parked: Parked
    ) -> None:
        self._session = session
        self._naming = naming
        self._settings = settings
        self._parked = parked

    def __repr__(self) -> str:
        return f"McpCalls({self._session})"

    async def call(
        self, tool: Tool, kind: Any, params: Params, context: ToolContext, read: Read
    ) -> tool_pb2.ToolResult:
        """Make a request until it has a result; the caller is asked what the server asks."""
        carried = _carried(context)
        call = self._take(carried, context)
        answers: Json = {}
        opened = OpenedLinks(tool.name, context, self._session.done_links.wait)
        if call is None:
            await opened.resume(carried)
        if call is None and "asked" in carried:
            answers = await self._answers(carried, context)
        for _ in range(_MOST_ROUNDS):
            if call is None:
                call = self._start(tool, kind, params, answers, context)
            try:
                result = await self._finish(call, context)
            except (MCPError, ValidationError) as error:
                links = links_in(error)
                if not links:
                    raise failure_of(tool, error, sent=call.sent) from error
                call = None
                await opened.open(links)
                continue
            if not is_input_required(result):
                try:
                    return read(result, self._naming.uri)
                except ValueError as error:
                    raise ToolFailure(
                        f"{tool.name}: the server's answer is none: {error}"
                    ) from error
            call = None
            asked = {
                "state": result.get("requestState"),
                "asked": result.get("inputRequests") or {},
            }
            context.carry(orjson.dumps(asked).decode())
            answers = await self._answers(asked, context)
        raise ToolFailure(f"{tool.name}: the server asks again and again")

    async def _finish(self, call: McpCall, context: ToolContext) -> Json:
        """Wait for a request's result; questions of legacy servers leave it parked."""
        try:
            while True:
                told = await call.finish(context)
                if not isinstance(told, Ask):
                    return told
                try:
                    answer = await context.request_input(told.method, told.params, key=told.key)
                except InputNeeded:
                    token = self._parked.keep(call)
                    context.carry(orjson.dumps({"parked": token, "ask": told.key}).decode())
                    call = _NOBODY
                    raise
                await call.answer(told, answer)
        finally:
            # Nobody waits for it any more, unless it has ended or is parked.
            call.give_up()

    def _take(self, carried: Json, context: ToolContext) -> McpCall | None:
        token = carried.get("parked")
        call = self._parked.take(token) if isinstance(token, str) else None
        return call if isinstance(call, McpCall) else None

    async def _answers(self, asked: Json, context: ToolContext) -> Json:
        """Ask the caller all of a modern server's questions at once; return params to add."""
        answers: Json = {}
        open_ones: InputNeeded | None = None
        for key, question in asked["asked"].items():
            params = question.get("params") or {}
            try:
                answers[key] = await context.request_input(question["method"], params, key=key)
            except InputNeeded as needed:
                open_ones = needed
        if open_ones is not None:
            # Also when this is where it was carried to: a part of the answers may have come.
            context.carry(orjson.dumps(asked).decode())
            raise open_ones
        state = {"requestState": asked["state"]} if asked.get("state") is not None else {}
        return {**state, **({"inputResponses": answers} if answers else {})}

    def _start(
        self, tool: Tool, kind: Any, params: Params, answers: Json, context: ToolContext
    ) -> McpCall:
        if self._session.over:
            raise away(tool)
        method = kind.model_fields["method"].default
        whole = {**params, **answers, "_meta": _meta(context)}
        try:
            request = kind.model_validate({"method": method, "params": whole}, by_name=False)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            where = ".".join(map(str, detail["loc"]))
            raise ToolFailure(f"{where}: {detail['msg']}", code="INVALID_ARGUMENT") from error
        call = McpCall(tool.name, self._session.turns)
        # Over stdio there is nothing between us and the server: what is written is sent.
        call.sent = bool(self._settings.command)
        call.start(lambda on_progress: self._session.request(request, on_progress))
        return call

    async def complete(self, tool: Tool, params: Params) -> Json:
        """Ask for completions of an argument; return what MCP calls a completion."""
        request = types.CompleteRequest.model_validate(
            {"method": "completion/complete", "params": params}, by_name=False
        )
        try:
            result = await self._session.request(request)
        except (MCPError, ValidationError) as error:
            raise failure_of(tool, error, sent=False) from error
        completion: Json = result.get("completion", {})
        return completion


class _Nobody(McpCall):
    """Stands for a call that somebody else looks after."""

    def __init__(self) -> None:
        pass

    def give_up(self) -> None:
        """Leave it."""


_NOBODY = _Nobody()


def is_input_required(result: Json) -> bool:
    """Tell whether a result asks the caller for more."""
    return result.get("resultType") == "input_required"


def _carried(context: ToolContext) -> Json:
    if context.carried is None:
        return {}
    carried = orjson.loads(context.carried)
    return carried if isinstance(carried, dict) else {}


def _meta(context: ToolContext) -> Json:
    """Return `_meta` for the next hop: the caller's own, and where the trace goes on."""
    meta = {
        key: value
        for key, value in context.meta.items()
        if key != "progressToken" and (not key.startswith(_OF_THE_HOP) or key == _LOG_LEVEL)
    }
    meta["traceparent"] = context.trace.traceparent()
    if context.trace.state:
        meta["tracestate"] = context.trace.state
    return meta
