"""The mesh behind a gRPC channel: a router, or a single replica, in another process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import grpc

from mcpmesh.bridge.tool_watch import WatchedTools
from mcpmesh.codec.renamed import SPOKE
from mcpmesh.codec.spoken import tell_tool
from mcpmesh.codec.status import PUSHBACK, error_of, pushback_from
from mcpmesh.dispatch.remote_notes import RemoteNotes
from mcpmesh.errors import MeshError
from mcpmesh.stack.mesh import LAST_WORDS, ToolList, is_outcome
from mcpmesh.stack.notes import Notes
from mcpmesh.stack.origin import Metadata, Origin
from mcpmesh.telemetry.baggage import baggage_with_correlation
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc, invoke_pb2, invoke_pb2_grpc

#: Units: seconds before the first and at most before any later try to watch again.
FIRST_BACKOFF = 0.1
MAX_BACKOFF = 5.0
_SPOKE = SPOKE.decode()
_log = logging.getLogger(__name__)


class RemoteMesh:
    """A `Mesh` over a channel, grpc.aio's or `mcpmesh.rpc.Channel`, which the caller closes.

    Use `start` and `stop`, or `async with`.
    """

    def __init__(self, channel: Any, *, rng: Random | None = None) -> None:
        self._calls: Any = invoke_pb2_grpc.ToolServiceStub(channel)  # type: ignore[no-untyped-call]
        self._discovery: Any = discovery_pb2_grpc.DiscoveryServiceStub(channel)  # type: ignore[no-untyped-call]
        #: Those of the bridges of this mesh.
        self.notes: Notes | None = RemoteNotes(channel)
        self._rng = rng or Random()
        self._known = WatchedTools()
        self._live = False
        self._listeners: set[Callable[[], None]] = set()
        self._watching: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        state = "live" if self._live else "not connected"
        return f"{type(self).__name__}({len(self._known)} tools, {state})"

    async def start(self) -> None:
        """Begin to watch the mesh's tools; returns at once, the first list comes later."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop watching. Calls in flight go on."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
            self._watching = None
            self._live = False

    async def __aenter__(self) -> "RemoteMesh":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def tools(self) -> ToolList:
        """Return the tools as last heard of; an empty cursor means that nothing came yet."""
        return self._known.tools()

    async def search(
        self, request: discovery_pb2.SearchToolsRequest
    ) -> discovery_pb2.SearchToolsResponse:
        """Find tools by words, best first.

        Raises: MeshError.
        """
        try:
            found: discovery_pb2.SearchToolsResponse = await self._discovery.SearchTools(request)
        except grpc.RpcError as exc:
            raise mesh_error(exc) from exc
        return found

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have somebody told whenever the tools may have changed; returns how to stop that."""
        self._listeners.add(changed)
        return lambda: self._listeners.discard(changed)

    async def ready(self) -> bool:
        """Tell whether the tools are known and the mesh is there."""
        return self._live

    async def invoke(
        self, request: invoke_pb2.InvokeRequest, origin: Origin, timeout: float | None
    ) -> invoke_pb2.InvokeResponse:
        """Call a tool and wait for the outcome."""
        call = self._calls.Invoke(
            request, metadata=written_metadata(request, origin), timeout=timeout
        )
        try:
            response: invoke_pb2.InvokeResponse = await call
            if response.HasField("result") and (spoke := await _spoke(call)):
                tell_tool(response.result, spoke)
        except grpc.RpcError as exc:
            raise mesh_error(exc) from exc
        return response

    async def stream(
        self, request: invoke_pb2.InvokeRequest, origin: Origin, timeout: float | None
    ) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        """Call a tool and yield its events as they come; the last one is the outcome."""
        call = self._calls.InvokeStream(
            request, metadata=written_metadata(request, origin), timeout=timeout
        )
        told = False
        try:
            async for event in call:
                told = is_outcome(event)
                if event.HasField("result") and (spoke := await _spoke(call)):
                    tell_tool(event.result, spoke)
                yield event
        except grpc.RpcError as exc:
            raise mesh_error(exc) from exc
        finally:
            if not told:
                call.cancel()
            elif not call.done():
                later = asyncio.get_running_loop().call_later(LAST_WORDS, call.cancel)
                call.add_done_callback(lambda _call: later.cancel())

    async def _watch(self) -> None:
        """Follow the tools for ever; each connection starts over with a snapshot."""
        backoff = FIRST_BACKOFF
        while True:
            call = self._discovery.WatchTools(discovery_pb2.WatchToolsRequest(kind="*"))
            try:
                async for event in call:
                    if not self._known.take(event):
                        break
                    self._live = True
                    for changed in tuple(self._listeners):
                        changed()
                    backoff = FIRST_BACKOFF
            except grpc.RpcError as exc:
                _log.log(
                    logging.WARNING if self._live else logging.DEBUG,
                    "watching the tools ended: %s; trying again in at most %.1f s",
                    mesh_error(exc),
                    backoff,
                )
            finally:
                self._live = False
                call.cancel()
            await asyncio.sleep(backoff * self._rng.uniform(0.5, 1.0))
            backoff = min(backoff * 2, MAX_BACKOFF)


def written_metadata(request: invoke_pb2.InvokeRequest, origin: Origin) -> Metadata:
    """Write where a call comes from, and what lets the router route without opening it."""
    trace, correlation_id, baggage, more, _ = origin
    written = [*more, ("mcp-name", request.tool)]
    if request.version:
        written.append(("mcpmesh-tool-version", request.version))
    if trace is not None:
        written.append(("traceparent", trace.traceparent()))
        if trace.state:
            written.append(("tracestate", trace.state))
    if correlation_id:
        written.append(("x-correlation-id", correlation_id))
        baggage = baggage_with_correlation(baggage, correlation_id)
    if baggage:
        written.append(("baggage", baggage))
    return tuple(written)


async def _spoke(call: Any) -> str:
    """Return the tool that answers, when it was chosen among several."""
    for key, value in await call.initial_metadata() or ():
        if key == _SPOKE:
            return str(value)
    return ""


def mesh_error(exc: grpc.RpcError) -> MeshError:
    """Return the error that an RPC ended with, with the server's wish when to come again."""
    call: Any = exc
    pushback = next((v for k, v in call.trailing_metadata() or () if k == PUSHBACK), "")
    return error_of(call.code(), call.details() or "", retry_after_ms=pushback_from(pushback))
