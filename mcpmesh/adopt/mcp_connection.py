"""What an MCP server offers, and calls of it: a connection that can be served."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import mcp_types as types
import orjson
from mcp import MCPError
from pydantic import ValidationError

from mcpmesh.adopt.mcp_call import Ask, Json, McpCall
from mcpmesh.adopt.mcp_lists import listed
from mcpmesh.adopt.mcp_session import McpSession, is_lost, said
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.parked import Parked
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.codec.mcp_entry_read import read_prompt, read_resource, read_tool
from mcpmesh.codec.mcp_read import contents_result, prompt_result, tool_result
from mcpmesh.config import UpstreamSettings
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
from mcpmesh.model.uri_template import UriTemplate
from mcpmesh.sdk.arguments import read_object
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.failure import InputNeeded, Refused, ToolFailure
from mcpmesh.sdk.offered import offered
from mcpmesh.sdk.tool import ToolFunction
from mcpmesh.v1 import tool_pb2

_LOG = logging.getLogger("mcpmesh.adopt")
#: Members of `_meta` that are between two neighbours.
_OF_THE_HOP = "io.modelcontextprotocol/"
_LOG_LEVEL = "io.modelcontextprotocol/logLevel"
_NOT_FOUND = -32002
#: Rounds of questions that a call may take.
_MOST_ROUNDS = 100
#: How long a server shall keep a task.
_TASK_TTL_MS = 3_600_000
Read = Callable[[Json, Callable[[str], str]], tool_pb2.ToolResult]
#: Params of a request, without `_meta` and answers.
Params = Mapping[str, Any]


class McpConnection:
    """A session as the mesh calls it."""

    def __init__(
        self, session: McpSession, naming: Naming, settings: UpstreamSettings, parked: Parked
    ) -> None:
        self._session = session
        self._naming = naming
        self._settings = settings
        self._parked = parked

    def __repr__(self) -> str:
        return f"McpConnection({self._session})"

    async def changed(self) -> None:
        """Wait until its lists may have changed. Raises: UpstreamFailed."""
        await self._session.changed()

    async def entries(self) -> Sequence[ToolFunction]:
        """Return what the server offers. Raises: UpstreamFailed."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                found = await listed(self._session)
        except TimeoutError as error:
            wait = self._settings.connect_timeout
            raise UpstreamFailed(f"did not say what it offers within {wait:g} s") from error
        except (MCPError, ValidationError) as error:
            raise UpstreamFailed(said(error)) from error
        entries = []
        for make, list_of in (
            (self._tool, found.tools),
            (self._prompt, found.prompts),
            (self._resource, found.resources),
            (self._template, found.templates),
        ):
            for entry in list_of:
                try:
                    entries.append(make(entry))
                except InvalidCall as error:
                    _LOG.warning("%s: leaves out %s", self._session.name, error.message)
        return entries

    def _tool(self, entry: Json) -> ToolFunction:
        original = entry["name"]
        tool = replace(
            read_tool(entry, self._naming.name(original), self._settings.labels),
            timeout=self._settings.call_timeout or None,
        )

        execution = entry.get("execution") or {}
        # 2025-11-25: a tool may want to be called as a task, and no other way.
        task = {"task": {"ttl": _TASK_TTL_MS}} if execution.get("taskSupport") == "required" else {}

        async def call(arguments: bytes, context: ToolContext) -> tool_pb2.ToolResult:
            params = {"name": original, "arguments": read_object(arguments), **task}
            return await self._call(tool, types.CallToolRequest, params, context, tool_result)

        return offered(tool, call)

    def _prompt(self, entry: Json) -> ToolFunction:
        original = entry["name"]
        tool = read_prompt(entry, self._naming.name(original), self._settings.labels)

        async def get(arguments: bytes, context: ToolContext) -> tool_pb2.ToolResult:
            given = {key: _text(value) for key, value in read_object(arguments).items()}
            params = {"name": original, "arguments": given}
            return await self._call(tool, types.GetPromptRequest, params, context, prompt_result)

        return self._completing(tool, get, {"type": "ref/prompt", "name": original})

    def _resource(self, entry: Json) -> ToolFunction:
        name = self._naming.name(entry.get("name") or "resource")
        tool = read_resource(entry, self._naming.uri(entry["uri"]), name, self._settings.labels)
        return offered(tool, self._reader(tool))

    def _template(self, entry: Json) -> ToolFunction:
        original = entry["uriTemplate"]
        name = self._naming.name(entry.get("name") or "resource")
        tool = read_resource(entry, self._naming.uri(original), name, self._settings.labels)
        UriTemplate(original)
        return self._completing(tool, self._reader(tool), {"type": "ref/resource", "uri": original})

    def _reader(self, tool: Tool) -> Callable[[bytes, ToolContext], Awaitable[Any]]:
        async def read(arguments: bytes, context: ToolContext) -> tool_pb2.ToolResult:
            uri = self._naming.original_uri(str(read_object(arguments).get("uri", "")))
            params = {"uri": uri}
            request = types.ReadResourceRequest
            return await self._call(tool, request, params, context, contents_result)

        return read

    def _completing(self, tool: Tool, handler: Callable[..., Any], reference: Json) -> ToolFunction:
        """Offer a prompt or template whose arguments the server may complete."""
        if self._session.capabilities.completions is None:
            return offered(tool, handler)

        async def complete(arguments: bytes, context: ToolContext) -> Json:
            params = {"ref": reference, **read_object(arguments)}
            request = types.CompleteRequest.model_validate(
                {"method": "completion/complete", "params": params}, by_name=False
            )
            call = McpCall(tool.name, self._session.turns)
            try:
                result = await self._session.request(request)
            except (MCPError, ValidationError) as error:
                raise self._failure(tool, call, error) from error
            completion: Json = result.get("completion", {})
            return completion

        return offered(tool, handler, complete=complete)

    async def _call(
        self, tool: Tool, kind: Any, params: Params, context: ToolContext, read: Read
    ) -> tool_pb2.ToolResult:
        """Make a request until it has a result; the caller is asked what the server asks."""
        carried = _carried(context)
        call = self._take(carried, context)
        answers: Json = {}
        if call is None and "asked" in carried:
            answers = await self._answers(carried, context)
        for _ in range(_MOST_ROUNDS):
            if call is None:
                call = self._start(tool, kind, params, answers, context)
            try:
                result = await self._finish(call, context)
            except (MCPError, ValidationError) as error:
                raise self._failure(tool, call, error) from error
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
            raise Refused(Overloaded(f"{tool.name}: the upstream is away", retry_after_ms=1))
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

    def _failure(self, tool: Tool, call: McpCall, error: Exception) -> Exception:
        """Return what an error of the server is in the mesh."""
        if isinstance(error, ValidationError):
            return ToolFailure(f"{tool.name}: the server {said(error)}", code="INTERNAL")
        assert isinstance(error, MCPError)
        text = f"{tool.name}: {error.message}"
        if is_lost(error):
            if not call.sent:
                # Certainly not done: any tool's call may go to another copy.
                return Refused(Overloaded(f"{tool.name}: the upstream is away", retry_after_ms=1))
            return Refused(ReplicaLost(f"{tool.name}: the upstream was lost during the call"))
        if tool.kind is not None and error.code in (_NOT_FOUND, types.INVALID_PARAMS):
            return ToolFailure(text, code="NOT_FOUND")
        kinds: Mapping[int, type[MeshError]] = {
            types.INVALID_PARAMS: InvalidCall,
            types.METHOD_NOT_FOUND: MethodNotFound,
            types.REQUEST_TIMEOUT: DeadlineExceeded,
            _NOT_FOUND: ToolNotFound,
        }
        if error.code in kinds:
            return Refused(kinds[error.code](text))
        # What a server calls internal is mostly its tool's trouble, and of use to the model.
        return ToolFailure(text, code="INTERNAL")


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


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
