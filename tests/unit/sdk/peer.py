"""A stock grpc.aio server for the client to talk to: a replica in somebody else's code."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import orjson

from mcpmesh.v1 import (
    discovery_pb2,
    discovery_pb2_grpc,
    invoke_pb2,
    invoke_pb2_grpc,
    tool_pb2,
)
from tests.listening import listening


def text_block(text):
    return tool_pb2.Content(text=tool_pb2.TextContent(text=text))


def question(state=b"state-1"):
    asked = tool_pb2.InputRequest(method="elicitation/create", params=b'{"message":"how many?"}')
    return tool_pb2.InputRequired(input_requests={"amount": asked}, request_state=state)


@dataclass
class Seen:
    """What the peer saw of its calls."""

    metadata: list[dict[str, str]] = field(default_factory=list)
    requests: list[invoke_pb2.InvokeRequest] = field(default_factory=list)
    time_remaining: list[float | None] = field(default_factory=list)
    watches: list[discovery_pb2.WatchToolsRequest] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)


class Tools(invoke_pb2_grpc.ToolServiceServicer):
    def __init__(self, seen):
        self.seen = seen

    async def Invoke(self, request, context):
        self.note(request, context)
        await context.send_initial_metadata((("x-correlation-id", "corr-from-peer"),))
        arguments = orjson.loads(request.arguments or b"{}")
        if request.tool == "missing":
            trailers = (("x-correlation-id", "corr-7"), ("grpc-retry-pushback-ms", "250"))
            context.set_trailing_metadata(trailers)
            await context.abort(grpc.StatusCode.NOT_FOUND, "no tool missing; nearest: echo")
        if request.tool == "hang":
            await self.hang()
        if request.tool == "refuse":
            error = tool_pb2.ToolError(code="UNAVAILABLE", retryable=True, retry_after_ms=40)
            result = tool_pb2.ToolResult(
                content=[text_block("closed on Sundays")], is_error=True, error=error
            )
        elif request.tool == "order":
            if not request.input_responses:
                return invoke_pb2.InvokeResponse(input_required=question())
            assert request.request_state == b"state-1"
            result = tool_pb2.ToolResult(structured_content=request.input_responses["amount"])
        else:
            result = tool_pb2.ToolResult(
                content=[text_block("one"), text_block("two")],
                structured_content=orjson.dumps(arguments),
                alerts=["from yesterday"],
                meta=b'{"k":1}',
            )
        return invoke_pb2.InvokeResponse(result=result)

    async def InvokeStream(self, request, context):
        self.note(request, context)
        await context.send_initial_metadata((("x-correlation-id", "corr-from-peer"),))
        if request.tool == "order" and not request.input_responses:
            yield invoke_pb2.InvokeEvent(input_required=question())
            return
        yield invoke_pb2.InvokeEvent(progress=invoke_pb2.Progress(progress=1, total=2))
        try:
            yield invoke_pb2.InvokeEvent(log=invoke_pb2.LogMessage(level="info", data=b'"hello"'))
        except GeneratorExit:
            # The caller took it and was gone before its writer heard that it left.
            self.seen.cancelled.set()
            raise
        if request.tool == "endless":
            await self.hang()
        yield invoke_pb2.InvokeEvent(content=text_block('{"price":1}'))
        if request.tool == "cut":
            return
        result = tool_pb2.ToolResult(structured_content=b'{"city":"Oslo","days":2}')
        yield invoke_pb2.InvokeEvent(result=result)

    async def Converse(self, requests, context):
        total = 0
        async for request in requests:
            self.note(request, context)
            total += orjson.loads(request.arguments)["add"]
            yield invoke_pb2.InvokeEvent(content=text_block(str(total)))
        result = tool_pb2.ToolResult(structured_content=orjson.dumps(total))
        yield invoke_pb2.InvokeEvent(result=result)

    def note(self, request, context):
        self.seen.requests.append(request)
        self.seen.metadata.append(dict(context.invocation_metadata()))
        self.seen.time_remaining.append(context.time_remaining())

    async def hang(self):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.seen.cancelled.set()
            raise


def status(name, version="1"):
    tool = tool_pb2.Tool(name=name, version=version, input_schema=b'{"type":"object"}')
    return discovery_pb2.ToolStatus(tool=tool, replicas=3, ready_replicas=2)


class Discovery(discovery_pb2_grpc.DiscoveryServiceServicer):
    def __init__(self, seen):
        self.seen = seen

    async def ListTools(self, request, context):
        start = int(request.page_token or 0)
        names = [f"tool-{n:04}" for n in range(1200)]
        page = names[start : start + request.page_size]
        token = str(start + len(page)) if start + len(page) < len(names) else ""
        return discovery_pb2.ListToolsResponse(
            tools=[status(name) for name in page], next_page_token=token
        )

    async def GetTool(self, request, context):
        if request.name == "missing":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no tool missing")
        return status(request.name, request.version or "9")

    async def SearchTools(self, request, context):
        hit = discovery_pb2.SearchHit(tool=status("echo"), score=1.5, reason=request.query)
        return discovery_pb2.SearchToolsResponse(hits=[hit])

    async def ListReplicas(self, request, context):
        replica = discovery_pb2.Replica(id="echo-1", endpoint="127.0.0.1:1", server="echo")
        seen = discovery_pb2.ReplicaStatus(replica=replica, state="READY", tools=["echo@1"])
        return discovery_pb2.ListReplicasResponse(replicas=[seen])

    async def WatchTools(self, request, context):
        self.seen.watches.append(request)
        event = discovery_pb2.CatalogEvent
        if len(self.seen.watches) == 1:
            snapshot = discovery_pb2.ToolSnapshot(tools=[status("echo")])
            yield event(cursor="c1", snapshot=snapshot)
            yield event(cursor="c2", updated=status("sum"))
            await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
        if len(self.seen.watches) == 2:
            yield event(cursor="c3", removed=discovery_pb2.ToolRemoved(name="sum", version="1"))
            yield event(cursor="c4", resync=discovery_pb2.Resync(reason="too slow"))
            return
        yield event(cursor="c5", snapshot=discovery_pb2.ToolSnapshot(tools=[status("echo")]))
        await asyncio.Event().wait()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, Seen]]:
    """Serve on a free port; yields the target and what is seen there."""
    seen = Seen()
    server = grpc.aio.server()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(Tools(seen), server)
    discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(Discovery(seen), server)
    async with listening(server) as port:
        yield f"127.0.0.1:{port}", seen
