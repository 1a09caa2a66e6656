"""The lists of tools, prompts, resources and templates: each entry once, in pages.

A list is encoded once per state of the catalog.
"""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import orjson

from mcpmesh.bridge import meta_entries
from mcpmesh.bridge.view import View
from mcpmesh.codec import mcp
from mcpmesh.codec.jsonrpc import INVALID_PARAMS, RpcError
from mcpmesh.codec.mcp_entry import (
    LISTED,
    Listed,
    listed_in,
    prompt_json,
    resource_json,
    template_json,
)
from mcpmesh.codec.mcp_tool import tool_json
from mcpmesh.errors import NotReady
from mcpmesh.stack.mesh import Mesh, ToolList
from mcpmesh.v1 import tool_pb2

#: Writes an entry as JSON.
Encode = Callable[[tool_pb2.Tool], bytes]
#: Views whose pages are kept.
MAX_VIEWS = 64
#: Units: seconds between two looks for the first list.
POLL = 0.05


class Entries:
    """All entries of one list, as one era has them: encoded once per state of the catalog."""

    def __init__(self, listed: Listed, entry: Encode) -> None:
        self.listed = listed
        self._entry_json = entry
        self._cursor = ""
        self._encoded: dict[str, tuple[tool_pb2.Tool, bytes]] = {}

    def of(self, tools: ToolList) -> Mapping[str, tuple[tool_pb2.Tool, bytes]]:
        """Return the newest version of each entry and what it is written as, by sorted names."""
        if tools.cursor != self._cursor:
            newest: dict[str, tool_pb2.Tool] = {}
            for status in tools.tools:
                tool = status.tool
                if listed_in(tool) == self.listed:
                    newest.setdefault(tool.name, tool)
            self._encoded = {name: self._entry(newest[name]) for name in sorted(newest)}
            self._cursor = tools.cursor
        return self._encoded

    def find(self, tools: ToolList, name: str) -> tool_pb2.Tool | None:
        """Return the newest version of an entry."""
        found = self.of(tools).get(name)
        return found[0] if found is not None else None

    def _entry(self, tool: tool_pb2.Tool) -> tuple[tool_pb2.Tool, bytes]:
        """Encode an entry, unless it is as it was: most changes are counts of replicas."""
        known = self._encoded.get(tool.name)
        if known is not None and known[0] == tool:
            return known
        return tool, self._entry_json(tool)


class Pages:
    """The pages of one list, as one era has it, or of the part of it that a view shows.

    A page's cursor is the name of the last entry before it, so it stays good when entries come
    and go.
    """

    def __init__(
        self, entries: Entries, page_size: int, head: dict[str, Any], view: View | None = None
    ) -> None:
        self._all = entries
        self._start = b'{"%b":[' % entries.listed.encode()
        self._page_size = page_size
        self._head = orjson.dumps(head)[1:-1]
        self._view = view
        self._cursor: str | None = None
        self._names: list[str] = []
        self._entries: Mapping[str, bytes] = {}
        self._pages: dict[int, bytes] = {}

    def page(self, tools: ToolList, cursor: str | None) -> bytes:
        """Return a page's result as JSON bytes, the first for no cursor.

        Raises: RpcError -32602 for a cursor that no page of ours had.
        """
        if tools.cursor != self._cursor:
            self._take(tools)
        start = 0 if cursor is None else bisect_right(self._names, _name_before(cursor))
        page = self._pages.get(start)
        if page is None:
            page = self._page_from(start)
            if start % self._page_size == 0:  # others come only from clients that hold old cursors
                self._pages[start] = page
        return page

    def _take(self, tools: ToolList) -> None:
        encoded, view = self._all.of(tools), self._view
        names: Iterable[str] = encoded
        own: Mapping[str, bytes] = {}
        if view is not None:
            if view.compact and self._all.listed == "tools":
                names = view.pinned & encoded.keys()
                own = meta_entries.listed(view.pinned)
            names = [name for name in names if view.shows(encoded[name][0])]
        shown = {**{name: encoded[name][1] for name in names}, **own}
        self._entries = shown
        self._names = sorted(shown)
        self._pages = {}
        self._cursor = tools.cursor

    def _page_from(self, start: int) -> bytes:
        names = self._names[start : start + self._page_size]
        entries = b",".join(self._entries[name] for name in names)
        parts = [self._start, entries, b"]"]
        if start + len(names) < len(self._names):
            parts += [b',"nextCursor":', orjson.dumps(_cursor_after(names[-1]))]
        if self._head:
            parts += [b",", self._head]
        parts.append(b"}")
        return b"".join(parts)


class Listing:
    """One list of one era: whole, and as views show it."""

    def __init__(self, entries: Entries, page_size: int, head: dict[str, Any]) -> None:
        self.entries = entries
        self._page_size = page_size
        self._head = head
        self._whole = Pages(entries, page_size, head)
        self._seen: OrderedDict[View, Pages] = OrderedDict()

    def pages(self, view: View | None) -> Pages:
        """Return the pages that a view shows; None shows everything."""
        if view is None:
            return self._whole
        pages = self._seen.get(view)
        if pages is None:
            pages = self._seen[view] = Pages(self.entries, self._page_size, self._head, view)
            if len(self._seen) > MAX_VIEWS:
                self._seen.popitem(last=False)
        else:
            self._seen.move_to_end(view)
        return pages


def listings(
    page_size: int, head: dict[str, Any], *, modern: bool, description_tokens: int = 0
) -> dict[Listed, Listing]:
    """Return the lists of an era; `head` is what each says beside its entries."""
    encoders: dict[Listed, Encode] = {
        "tools": partial(tool_json, modern=modern, description_tokens=description_tokens),
        "prompts": prompt_json,
        "resources": resource_json,
        "resourceTemplates": template_json,
    }
    return {
        listed: Listing(Entries(listed, encoders[listed]), page_size, head) for listed in LISTED
    }


def modern_head(ttl_ms: int, server_info: dict[str, str], *, public: bool) -> dict[str, Any]:
    """Return what a modern result says beside the entries; `public`: it is the same for all."""
    return {
        "resultType": "complete",
        "ttlMs": ttl_ms,
        "cacheScope": "public" if public else "private",
        "_meta": {mcp.SERVER_INFO: server_info},
    }


async def known_tools(mesh: Mesh, patience: float) -> ToolList:
    """Return the mesh's tools; after a start, wait for the first list.

    Raises: NotReady when it does not come in time.
    """
    tools = mesh.tools()
    waited = 0.0
    while not tools.cursor:
        if waited >= patience:
            raise NotReady(f"the mesh has sent no list of tools within {patience:g} s; try again")
        await asyncio.sleep(POLL)
        waited += POLL
        tools = mesh.tools()
    return tools


def _cursor_after(name: str) -> str:
    return urlsafe_b64encode(b"after:" + name.encode()).decode()


def _name_before(cursor: Any) -> str:
    try:
        mark, _, name = urlsafe_b64decode(cursor.encode("ascii")).decode().partition(":")
    except (AttributeError, NotBase64, ValueError):
        mark, name = "", ""
    if mark != "after" or not name:
        raise RpcError(
            INVALID_PARAMS, "cursor is not one that this server gave; list from the start"
        )
    return name
