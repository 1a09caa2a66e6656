"""The mesh for a bridge in the router's own process: the same stack, without a socket between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import DecodeError

from mcpmesh.codec.spoken import tell_tool
from mcpmesh.dispatch.catalog_source import CatalogSource
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.dispatch.local_call import LocalCall
from mcpmesh.dispatch.pool import Pool
from mcpmesh.dispatch.replica_view import StatusWriter
from mcpmesh.errors import RemoteProtocolError
from mcpmesh.stack.call_head import CallHead
from mcpmesh.stack.mesh import LAST_WORDS, ToolList, is_outcome
from mcpmesh.stack.notes import Notes
from mcpmesh.stack.origin import Metadata, Origin
from mcpmesh.v1 import discovery_pb2, invoke_pb2
from mcpmesh.wire.hpack_table import Headers
from mcpmesh.wire.message import frame_message

#: Finds tools by words.
Search = Callable[[discovery_pb2.SearchToolsRequest], Awaitable[discovery_pb2.SearchToolsResponse]]
_SERVICE = "mcpmesh.v1.ToolService/"
_REMEMBERED = 512
_HEAD: Headers = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"mcpmesh"),
)
_TAIL: Headers = ((b"te", b"trailers"), (b"content-type", b"application/grpc"))


class LocalMesh:
    """A bridge's `Mesh` over the router's stack."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        source: CatalogSource,
        pool: Pool,
        search: Search,
        notes: Notes | None = None,
    ) -> None:
        #: Those of the bridges of this mesh.
        self.notes = notes
        self._dispatcher = dispatcher
        self._search = search
        self._source = source
        self._pool = pool
        self._known = ToolList("", ())
        self._cursor = ""
        self._routes = pool.routes
        self._changes = 0
        # What repeats of calls' heads: the same object costs a connection less than an equal one.
        self._forwards: dict[tuple[str, str, str, Metadata], Headers] = {}

    def tools(self) -> ToolList:
        """Return the tools as they are now."""
        cursor, routes = self._source.cursor, self._pool.routes
        if cursor != self._cursor or routes is not self._routes:
            # Routes change with the replicas that are ready, which the list tells too.
            self._cursor, self._routes = cursor, routes
            self._changes += 1
            writer = StatusWriter(self._pool)
            clusters = self._source.catalog.clusters
            self._known = ToolList(
                f"{cursor}/{self._changes}",
                tuple(
                    writer.tool_status(cluster)
                    for name in sorted(clusters)
                    for cluster in clusters[name]
                ),
            )
        return self._known

    async def invoke(
        self, request: invoke_pb2.InvokeRequest, origin: Origin, timeout: float | None
    ) -> invoke_pb2.InvokeResponse:
        """Call a tool and wait for the outcome.

        Raises: MeshError by whose fault.
        """
        call = self._start("Invoke", request, origin, timeout)
        payload = await call.answer()
        if payload is None:
            raise RemoteProtocolError(f"{request.tool}: the answer has no message")
        response = _parsed(invoke_pb2.InvokeResponse, payload, request.tool)
        if call.spoke and response.HasField("result"):
            tell_tool(response.result, call.spoke)
        return response

    async def stream(
        self, request: invoke_pb2.InvokeRequest, origin: Origin, timeout: float | None
    ) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        """Call a tool and yield its events.

        Raises: MeshError by whose fault.
        """
        call = self._start("InvokeStream", request, origin, timeout)
        told = False
        try:
            while (payload := await call.read()) is not None:
                event = _parsed(invoke_pb2.InvokeEvent, payload, request.tool)
                told = is_outcome(event)
                if call.spoke and event.HasField("result"):
                    tell_tool(event.result, call.spoke)
                yield event
        finally:
            if not told:
                call.cancel()
            elif not call.over:
                asyncio.get_running_loop().call_later(LAST_WORDS, call.cancel)

    async def search(
        self, request: discovery_pb2.SearchToolsRequest
    ) -> discovery_pb2.SearchToolsResponse:
        """Find tools by words, best first.

        Raises: MeshError.
        """
        return await self._search(request)

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have somebody told whenever the tools may have changed; returns how to stop that."""
        return self._source.listen(lambda _catalog, _names: changed())

    async def ready(self) -> bool:
        """Tell whether calls can be taken: always, in the router's own process."""
        return True

    def _start(
        self,
        method: str,
        request: invoke_pb2.InvokeRequest,
        origin: Origin,
        timeout: float | None,
    ) -> LocalCall:
        key = (method, request.tool, request.version, origin.metadata)
        forward = self._forwards.get(key)
        if forward is None:
            if len(self._forwards) >= _REMEMBERED:
                self._forwards.clear()
            forward = self._forwards[key] = _forward(*key)
        head = CallHead(
            _SERVICE + method,
            forward,
            request.tool,
            request.version,
            correlation_id=origin.correlation_id,
            parent=origin.trace,
            baggage=origin.baggage,
        )
        call = LocalCall(head, self._dispatcher.max_message_bytes, origin.principal)
        call.body = frame_message(request.SerializeToString())
        self._dispatcher.begin(call, timeout)
        return call


def _forward(method: str, tool: str, version: str, metadata: Metadata) -> Headers:
    """Write what of a call's head is the same for all hops."""
    named = [("mcp-name", tool), *([("mcpmesh-tool-version", version)] if version else ())]
    own = ((key.encode(), value.encode()) for key, value in (*named, *metadata))
    return (*_HEAD, (b":path", f"/{_SERVICE}{method}".encode()), *_TAIL, *own)


M = TypeVar("M", invoke_pb2.InvokeResponse, invoke_pb2.InvokeEvent)


def _parsed(kind: type[M], payload: bytes, tool: str) -> M:
    try:
        return kind.FromString(payload)
    except DecodeError as error:
        raise RemoteProtocolError(f"{tool}: the answer is not a {kind.__name__}") from error
