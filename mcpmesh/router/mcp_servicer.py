"""Serves MCP's protobuf form, `model_context_protocol.Mcp`, from the mesh of this router.

A thin layer: lists come from the catalog, all else is an Invoke through the router's stack. This
module is imported only where mcp-grpc-transport-proto is, an extra.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from google.protobuf.duration_pb2 import Duration
from grpc.aio import ServicerContext
from mcp_grpc_transport_proto import mcp_messages_pb2 as mcp_pb2
from mcp_grpc_transport_proto import mcp_pb2_grpc

from mcpmesh.codec.mcp_entry import listed_in
from mcpmesh.codec.mcp_proto import (
    call_result_to,
    contents_to,
    json_of,
    message_to,
    prompt_to,
    resource_to,
    said,
    template_to,
    tool_to,
)
from mcpmesh.codec.mcp_proto_asking import add_answers, ask
from mcpmesh.dispatch.entry_index import EntryIndex
from mcpmesh.dispatch.local_mesh import LocalMesh
from mcpmesh.errors import Conflict, InvalidCall, MeshError, RemoteProtocolError, ToolNotFound
from mcpmesh.model.principal import Principal, principal_of
from mcpmesh.model.tool import PROMPT
from mcpmesh.model.trace import parse_traceparent, valid_correlation_id
from mcpmesh.policy.access import Access
from mcpmesh.router.refusal import Refusing
from mcpmesh.rpc.context import Context
from mcpmesh.stack.origin import Origin
from mcpmesh.v1 import invoke_pb2, tool_pb2

#: How long a client may keep a list without asking again.
_TTL = Duration(seconds=5)
#: Entries that are written at a time; between, the loop does other things.
_AT_ONCE = 32
_SHOWN = 140
#: What of a caller's metadata goes on with its call.
_PASSED = frozenset(("authorization", "mcpmesh-caller"))


class _Lists:
    """Entries in their protobuf form, by list: written once, until the tool is another."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[tool_pb2.Tool, Any]] = {}

    async def of(
        self, tools: Iterable[tool_pb2.Tool], to: Callable[[tool_pb2.Tool], Any]
    ) -> dict[str, Any]:
        """Return the entries of the newest versions by name, in the order of the names."""
        newest: dict[str, tool_pb2.Tool] = {}
        for tool in tools:
            newest.setdefault(tool.name, tool)
        written: dict[str, tuple[tool_pb2.Tool, Any]] = {}
        for number, (name, tool) in enumerate(newest.items(), 1):
            known = self._written.get(name)
            written[name] = known if known is not None and known[0] == tool else (tool, to(tool))
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self._written = written
        return {name: entry for name, (_, entry) in written.items()}


class McpServicer(mcp_pb2_grpc.McpServicer):  # type: ignore[misc]
    """The service of mcp-grpc-transport-proto."""

    def __init__(self, mesh: LocalMesh, access: Access) -> None:
        self._mesh = mesh
        self._access = access
        self._index = EntryIndex()
        self._lists = {
            listed: _Lists() for listed in ("tools", "prompts", "resources", "resourceTemplates")
        }

    # Lists

    async def ListTools(
        self, request: mcp_pb2.ListToolsRequest, context: ServicerContext
    ) -> mcp_pb2.ListToolsResponse:
        """Give all tools."""
        async with Refusing(context, "ListTools"):
            return mcp_pb2.ListToolsResponse(
                tools=await self._all("tools", tool_to, context), **self._cached()
            )

    async def ListPrompts(
        self, request: mcp_pb2.ListPromptsRequest, context: ServicerContext
    ) -> mcp_pb2.ListPromptsResponse:
        """Give all prompts."""
        async with Refusing(context, "ListPrompts"):
            prompts = await self._all("prompts", prompt_to, context)
            return mcp_pb2.ListPromptsResponse(prompts=prompts, **self._cached())

    async def ListResources(
        self, request: mcp_pb2.ListResourcesRequest, context: ServicerContext
    ) -> mcp_pb2.ListResourcesResponse:
        """Give all resources."""
        async with Refusing(context, "ListResources"):
            resources = await self._all("resources", resource_to, context)
            return mcp_pb2.ListResourcesResponse(resources=resources, **self._cached())

    async def ListResourceTemplates(
        self, request: mcp_pb2.ListResourceTemplatesRequest, context: ServicerContext
    ) -> mcp_pb2.ListResourceTemplatesResponse:
        """Give all templates of resources."""
        async with Refusing(context, "ListResourceTemplates"):
            templates = await self._all("resourceTemplates", template_to, context)
            return mcp_pb2.ListResourceTemplatesResponse(
                resource_templates=templates, **self._cached()
            )

    async def _all(
        self, listed: str, to: Callable[[tool_pb2.Tool], Any], context: ServicerContext
    ) -> Any:
        known = (status.tool for status in self._mesh.tools().tools)
        written = await self._lists[listed].of((t for t in known if listed_in(t) == listed), to)
        scope = self._access.scope(_principal(context))
        return [entry for name, entry in written.items() if scope.is_all or scope.allows(name)]

    def _cached(self) -> dict[str, Any]:
        public = self._access.is_open
        scope = mcp_pb2.CACHE_SCOPE_PUBLIC if public else mcp_pb2.CACHE_SCOPE_PRIVATE
        return {"ttl": _TTL, "cache_scope": scope}

    def _seen(self, entry: tool_pb2.Tool | None, context: ServicerContext) -> tool_pb2.Tool | None:
        """Return an entry if the caller may know of it."""
        if entry is None or self._access.scope(_principal(context)).allows(entry.name):
            return entry
        return None

    # Calls

    async def CallTool(
        self, request: mcp_pb2.CallToolRequest, context: ServicerContext
    ) -> mcp_pb2.CallToolResponse:
        """Call a tool."""
        async with Refusing(context, "CallTool"):
            name = request.request.name
            if not name:
                raise InvalidCall("request.name is missing; ListTools has the names")
            arguments = json_of(request.request.arguments)
            answer = await self._invoke(name, arguments, request.common, context)
            if isinstance(answer, tool_pb2.InputRequired):
                told = mcp_pb2.CallToolResponse()
                ask(told.common, answer)
                return told
            told = call_result_to(answer, name)
            told.common.result_type = mcp_pb2.RESULT_TYPE_COMPLETE
            return told

    async def GetPrompt(
        self, request: mcp_pb2.GetPromptRequest, context: ServicerContext
    ) -> mcp_pb2.GetPromptResponse:
        """Get a prompt."""
        async with Refusing(context, "GetPrompt"):
            index = self._index.refresh(self._mesh.tools())
            entry = self._seen(index.prompt(request.name), context)
            if entry is None:
                knows = self._access.scope(_principal(context)).allows
                hint = index.like(request.name, PROMPT, knows)
                raise ToolNotFound(f"unknown prompt {request.name[:_SHOWN]!r}{hint}")
            arguments = dict(request.arguments)
            answer = await self._invoke(entry.name, arguments, request.common, context)
            told = mcp_pb2.GetPromptResponse(description=entry.description)
            if isinstance(answer, tool_pb2.InputRequired):
                ask(told.common, answer)
                return told
            _check(answer, entry.name)
            told.messages.extend(message_to(block) for block in answer.content)
            told.common.result_type = mcp_pb2.RESULT_TYPE_COMPLETE
            return told

    async def ReadResource(
        self, request: mcp_pb2.ReadResourceRequest, context: ServicerContext
    ) -> mcp_pb2.ReadResourceResponse:
        """Read a resource."""
        async with Refusing(context, "ReadResource"):
            uri = request.uri
            knows = self._access.scope(_principal(context)).allows
            entry = self._index.refresh(self._mesh.tools()).resource(uri, knows)
            if entry is None:
                raise ToolNotFound(f"there is no resource {uri[:_SHOWN]!r}")
            answer = await self._invoke(entry.name, {"uri": uri}, request.common, context)
            told = mcp_pb2.ReadResourceResponse(cache_scope=mcp_pb2.CACHE_SCOPE_PRIVATE)
            if isinstance(answer, tool_pb2.InputRequired):
                ask(told.common, answer)
                return told
            _check(answer, uri)
            kind = entry.resource.mime_type
            told.resource.extend(contents_to(block, uri, kind) for block in answer.content)
            told.common.result_type = mcp_pb2.RESULT_TYPE_COMPLETE
            return told

    async def Complete(
        self, request: mcp_pb2.CompletionRequest, context: ServicerContext
    ) -> mcp_pb2.CompletionResponse:
        """Complete an argument of a prompt or of a template."""
        async with Refusing(context, "Complete"):
            entry = self._seen(self._referred(request), context)
            if entry is None:
                raise ToolNotFound("the reference names nothing that is known here")
            argument = {"name": request.argument.name, "value": request.argument.value}
            given: dict[str, Any] = {"argument": argument}
            if request.HasField("context"):
                given["context"] = {"arguments": dict(request.context.arguments)}
            answer = await self._invoke(entry.name, given, request.common, context, complete=True)
            if isinstance(answer, tool_pb2.InputRequired):
                raise RemoteProtocolError(f"{entry.name}: a completion asks back")
            _check(answer, entry.name)
            return _completion(answer, entry.name)

    def _referred(self, request: mcp_pb2.CompletionRequest) -> tool_pb2.Tool | None:
        index = self._index.refresh(self._mesh.tools())
        if request.HasField("prompt_reference"):
            return index.prompt(request.prompt_reference.name)
        return index.template(request.resource_reference.uri)

    async def _invoke(
        self,
        name: str,
        arguments: Mapping[str, Any],
        common: mcp_pb2.RequestFields,
        context: ServicerContext,
        *,
        complete: bool = False,
    ) -> tool_pb2.ToolResult | tool_pb2.InputRequired:
        """Call through the stack.

        Raises: MeshError.
        """
        invoke = invoke_pb2.InvokeRequest(
            tool=name, arguments=orjson.dumps(arguments), complete=complete
        )
        if common.HasField("metadata"):
            invoke.meta = orjson.dumps(json_of(common.metadata))
        add_answers(invoke, common)
        outcome = await self._mesh.invoke(invoke, _origin(context), context.time_remaining())
        kind = outcome.WhichOneof("outcome")
        if kind == "input_required":
            return outcome.input_required
        if kind != "result":
            raise RemoteProtocolError(f"{name}: the answer holds no outcome")
        return outcome.result


def _principal(context: ServicerContext) -> Principal:
    assert isinstance(context, Context)
    return principal_of(context.identity())


def _origin(context: ServicerContext) -> Origin:
    given = {k: v for k, v in context.invocation_metadata() or () if isinstance(v, str)}
    correlation_id = given.get("x-correlation-id", "")
    principal = _principal(context)
    if principal.name:
        given["mcpmesh-caller"] = principal.name
    return Origin(
        parse_traceparent(given.get("traceparent", ""), given.get("tracestate", "")),
        correlation_id if valid_correlation_id(correlation_id) else "",
        given.get("baggage", ""),
        tuple((key, value) for key, value in given.items() if key in _PASSED),
        principal,
    )


def _check(result: tool_pb2.ToolResult, name: str) -> None:
    """Refuse a failed result: prompts and resources have no other way to fail than a status.

    Raises: MeshError.
    """
    if not result.is_error:
        return
    text = said(result.content) or f"{name} failed"
    kinds: dict[str, type[MeshError]] = {"NOT_FOUND": ToolNotFound, "INVALID_ARGUMENT": InvalidCall}
    raise kinds.get(result.error.code, Conflict)(text)


def _completion(result: tool_pb2.ToolResult, name: str) -> mcp_pb2.CompletionResponse:
    try:
        told = orjson.loads(result.structured_content)
        return mcp_pb2.CompletionResponse(
            values=told["values"],
            total_matches=told.get("total", 0),
            has_more=told.get("hasMore", False),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise RemoteProtocolError(f"{name}: the completion is malformed") from exc
