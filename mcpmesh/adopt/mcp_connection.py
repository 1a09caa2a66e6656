"""What an MCP server offers, as tools of the mesh: a connection that can be served."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson
from mcp import MCPError
from mcp_types import CallToolRequest, GetPromptRequest, ReadResourceRequest
from pydantic import ValidationError

from mcpmesh.adopt.mcp_call import Json
from mcpmesh.adopt.mcp_calls import McpCalls
from mcpmesh.adopt.mcp_failure import said
from mcpmesh.adopt.mcp_lists import listed
from mcpmesh.adopt.mcp_session import McpSession
from mcpmesh.adopt.method_choice import offered_only
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.offer import named
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.codec.mcp_entry_read import read_prompt, read_resource, read_tool
from mcpmesh.codec.mcp_read import contents_result, prompt_result, tool_result
from mcpmesh.config import UpstreamSettings
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import Tool
from mcpmesh.model.uri_template import UriTemplate
from mcpmesh.sdk.arguments import read_object
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.offered import offered
from mcpmesh.sdk.tool import ToolFunction
from mcpmesh.v1 import tool_pb2

_LOG = logging.getLogger("mcpmesh.adopt")
#: How long a server shall keep a task.
_TASK_TTL_MS = 3_600_000


class McpConnection:
    """A session as the mesh calls it."""

    def __init__(
        self, session: McpSession, naming: Naming, settings: UpstreamSettings, calls: McpCalls
    ) -> None:
        self._session = session
        self._naming = naming
        self._settings = settings
        self._calls = calls

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
        only = self._settings.only
        unfit = set(only)
        for make, list_of, key in (
            (self._tool, found.tools, "name"),
            (self._prompt, found.prompts, "name"),
            (self._resource, found.resources, "uri"),
            (self._template, found.templates, "uriTemplate"),
        ):
            for entry in offered_only(list_of, only, _member(key), unfit):
                try:
                    entries.append(make(entry))
                except InvalidCall as error:
                    _LOG.warning("%s: leaves out %s", self._session.name, error.message)
        if unfit:
            _LOG.warning("%s: nothing it offers fits %s", self._session.name, named(sorted(unfit)))
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
            return await self._calls.call(tool, CallToolRequest, params, context, tool_result)

        return offered(tool, call)

    def _prompt(self, entry: Json) -> ToolFunction:
        original = entry["name"]
        tool = read_prompt(entry, self._naming.name(original), self._settings.labels)

        async def get(arguments: bytes, context: ToolContext) -> tool_pb2.ToolResult:
            given = {key: _text(value) for key, value in read_object(arguments).items()}
            params = {"name": original, "arguments": given}
            return await self._calls.call(tool, GetPromptRequest, params, context, prompt_result)

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
            request = ReadResourceRequest
            return await self._calls.call(tool, request, params, context, contents_result)

        return read

    def _completing(self, tool: Tool, handler: Callable[..., Any], reference: Json) -> ToolFunction:
        """Offer a prompt or template whose arguments the server may complete."""
        if self._session.capabilities.completions is None:
            return offered(tool, handler)

        async def complete(arguments: bytes, context: ToolContext) -> Json:
            return await self._calls.complete(tool, {"ref": reference, **read_object(arguments)})

        return offered(tool, handler, complete=complete)


def _member(key: str) -> Callable[[Json], str]:
    """Return what reads a member of an entry; without it the entry is refused elsewhere."""
    return lambda entry: str(entry.get(key, ""))


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
