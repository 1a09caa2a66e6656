"""All that an MCP server lists, page by page."""

import logging
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp import MCPError

from mcpmesh.adopt.mcp_call import Json
from mcpmesh.adopt.mcp_failure import is_lost
from mcpmesh.adopt.mcp_session import McpSession

_LOG = logging.getLogger("mcpmesh.adopt")
#: More pages, and more entries, than any server has that is meant to be listed.
MOST_PAGES, MOST_ENTRIES = 500, 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """The entries of each list, as JSON."""

    tools: tuple[Json, ...]
    prompts: tuple[Json, ...]
    resources: tuple[Json, ...]
    templates: tuple[Json, ...]


async def listed(session: McpSession) -> Listed:
    """Ask for all lists that the server says it has.

    Raises: MCPError, ValidationError for tools; what else cannot be listed is left out.
    """
    has = session.capabilities
    tools: tuple[Json, ...] = ()
    if has.tools is not None:
        tools = await _pages(session, types.ListToolsRequest, "tools", is_tools=True)
    prompts: tuple[Json, ...] = ()
    if has.prompts is not None:
        prompts = await _optional(session, types.ListPromptsRequest, "prompts")
    resources: tuple[Json, ...] = ()
    templates: tuple[Json, ...] = ()
    if has.resources is not None:
        resources = await _optional(session, types.ListResourcesRequest, "resources")
        request = types.ListResourceTemplatesRequest
        templates = await _optional(session, request, "resourceTemplates")
    return Listed(tools, prompts, resources, templates)


async def _optional(session: McpSession, request: Any, member: str) -> tuple[Json, ...]:
    try:
        return await _pages(session, request, member)
    except MCPError as error:
        if is_lost(error):
            raise
        # Many servers say that they have resources, and cannot list templates.
        level = logging.DEBUG if error.code == types.METHOD_NOT_FOUND else logging.WARNING
        _LOG.log(level, "%s: cannot list its %s: %s", session.name, member, error.message)
        return ()


async def _pages(
    session: McpSession, request: Any, member: str, *, is_tools: bool = False
) -> tuple[Json, ...]:
    entries: list[Json] = []
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        params = None if cursor is None else types.PaginatedRequestParams(cursor=cursor)
        if is_tools:
            page = await session.list_tools(params)
        else:
            page = await session.request(request(params=params))
        entries += page.get(member) or ()
        cursor = page.get("nextCursor")
        if cursor is None:
            return tuple(entries)
        if cursor in seen or len(seen) >= MOST_PAGES or len(entries) >= MOST_ENTRIES:
            why = "its pages go round" if cursor in seen else "there is no end of its pages"
            _LOG.warning("%s: %d %s are enough: %s", session.name, len(entries), member, why)
            return tuple(entries)
        seen.add(cursor)
