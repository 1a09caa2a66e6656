"""DiscoveryService of one tool server: its own tools."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from mcpmesh.codec.status import status_of
from mcpmesh.codec.tool import replica_to_message, tool_to_message
from mcpmesh.discovery.watch import matches, wanted
from mcpmesh.errors import InvalidCall, MeshError, ToolNotFound
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc

_PAGE = 100
_MAX_PAGE = 1000
_HITS = 10
_MAX_HITS = 100
#: What a word weighs where it is found.
_WEIGHTS = {"name": 3.0, "title": 2.0, "description": 1.0}


class DiscoveryServicer(discovery_pb2_grpc.DiscoveryServiceServicer):
    """Lists, finds and watches the tools of this server.

    `in_flight` tells how many calls run now. After `close`, the replica shows as draining and
    watchers' streams end, so that they don't hold up the server's stop.
    """

    def __init__(
        self, tools: Iterable[Tool], replica: Replica, in_flight: Callable[[], int]
    ) -> None:
        self._replica = replica
        self._in_flight = in_flight
        self._closed = False
        # Replaced by a new one each time that it is set.
        self._changed = asyncio.Event()
        self._edition = -1
        self.replace(tools)

    def __repr__(self) -> str:
        return f"DiscoveryServicer({self._replica}, {len(self._tools)} tools)"

    def replace(self, tools: Iterable[Tool]) -> None:
        """Show these tools from now on, and tell those who watch."""
        self._tools = {tool.name: tool for tool in sorted(tools, key=lambda tool: tool.name)}
        self._messages = {name: tool_to_message(tool) for name, tool in self._tools.items()}
        self._edition += 1
        self._wake()

    def close(self) -> None:
        """Show the replica as draining and end all watches."""
        self._closed = True
        self._wake()

    async def ListTools(self, request: discovery_pb2.ListToolsRequest, context: Any) -> Any:
        """Return a page of the tools, by name."""
        try:
            after = _name_of_token(request.page_token)
            found = self._found(request)
        except MeshError as error:
            return await _abort(context, error)
        size = min(max(request.page_size, 0) or _PAGE, _MAX_PAGE)
        names = [name for name in found if name > after]
        page = names[:size]
        return discovery_pb2.ListToolsResponse(
            tools=[self._status(name) for name in page],
            next_page_token=_token(page[-1]) if len(names) > size else "",
            cursor=self._cursor,
        )

    async def GetTool(self, request: discovery_pb2.GetToolRequest, context: Any) -> Any:
        """Return one tool."""
        tool = self._tools.get(request.name)
        if tool is None:
            hint = did_you_mean(request.name, self._tools)
            return await _abort(context, ToolNotFound(f"no tool {request.name!r} here{hint}"))
        if request.version not in ("", tool.version):
            error = ToolNotFound(
                f"tool {tool.name}: no version {request.version!r} here; "
                f"this server has {tool.version!r}"
            )
            return await _abort(context, error)
        return self._status(tool.name)

    async def SearchTools(self, request: discovery_pb2.SearchToolsRequest, context: Any) -> Any:
        """Return the tools in which the words occur, most and weightiest first."""
        words = request.query.casefold().split()
        if not words:
            return await _abort(context, InvalidCall("query is empty; give words to look for"))
        try:
            found = self._found(request)
        except MeshError as error:
            return await _abort(context, error)
        hits = []
        for name in found:
            score, reason = _score(self._tools[name], words)
            if score > 0:
                hits.append(
                    discovery_pb2.SearchHit(tool=self._status(name), score=score, reason=reason)
                )
        hits.sort(key=lambda hit: (-hit.score, hit.tool.tool.name))
        limit = min(max(request.limit, 0) or _HITS, _MAX_HITS)
        return discovery_pb2.SearchToolsResponse(hits=hits[:limit])

    async def WatchTools(
        self, request: discovery_pb2.WatchToolsRequest, context: Any
    ) -> AsyncIterator[discovery_pb2.CatalogEvent]:
        """Yield a snapshot, unless the watcher has it, and another whenever the tools change."""
        seen = request.cursor
        while not self._closed:
            changed = self._changed
            if seen != self._cursor:
                seen = self._cursor
                try:
                    tools = [self._status(name) for name in self._found(request)]
                except MeshError as error:
                    await _abort(context, error)
                yield discovery_pb2.CatalogEvent(
                    cursor=seen, snapshot=discovery_pb2.ToolSnapshot(tools=tools)
                )
            await changed.wait()

    async def ListReplicas(self, request: discovery_pb2.ListReplicasRequest, context: Any) -> Any:
        """Return this server."""
        if request.tool and request.tool not in self._tools:
            return discovery_pb2.ListReplicasResponse()
        status = discovery_pb2.ReplicaStatus(
            replica=replica_to_message(self._replica),
            state="DRAINING" if self._closed else "READY",
            in_flight=self._in_flight(),
            tools=[f"{tool.name}@{tool.version}" for tool in self._tools.values()],
        )
        return discovery_pb2.ListReplicasResponse(replicas=[status])

    @property
    def _cursor(self) -> str:
        # The id is new with every start.
        return f"{self._replica.id}/{self._edition}"

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _found(self, request: Any) -> list[str]:
        labels = wanted(request.labels, request.kind)
        return [name for name, tool in self._tools.items() if matches(tool, labels)]

    def _status(self, name: str) -> discovery_pb2.ToolStatus:
        ready = 0 if self._closed else 1
        return discovery_pb2.ToolStatus(tool=self._messages[name], replicas=1, ready_replicas=ready)


def _score(tool: Tool, words: list[str]) -> tuple[float, str]:
    """Weigh where the words occur; also say it."""
    score = 0.0
    reasons = []
    for place, weight in _WEIGHTS.items():
        text = getattr(tool, place).casefold()
        found = [word for word in words if word in text]
        if found:
            score += weight * len(found)
            reasons.append(f"{', '.join(found)} in {place}")
    return score, "; ".join(reasons)


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(b"after:" + name.encode()).decode()


def _name_of_token(token: str) -> str:
    """Return the last name of the page before, empty for the first page.

    Raises: InvalidCall for a token that is not ours.
    """
    if not token:
        return ""
    try:
        mark, _, name = base64.urlsafe_b64decode(token).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise InvalidCall("page_token is not one that this service gave") from error
    if mark != "after":
        raise InvalidCall("page_token is not one that this service gave")
    return name


async def _abort(context: Any, error: MeshError) -> None:
    status = status_of(error)
    await context.abort(status.code, status.message)
