"""A tool server in stock grpc.aio, as a replica in any language could be."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import orjson

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_mesh import RemoteMesh
from mcpmesh.bridge.server import HttpServer
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.v1 import (
    discovery_pb2,
    discovery_pb2_grpc,
    invoke_pb2,
    invoke_pb2_grpc,
    tool_pb2,
)
from tests.listening import listening

ADD = tool_pb2.Tool(
    name="add",
    title="Add",
    description="Adds two integers.",
    input_schema=orjson.dumps(
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        }
    ),
    output_schema=orjson.dumps(
        {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}
    ),
    annotations=tool_pb2.ToolAnnotations(read_only_hint=True, idempotent_hint=True),
    version="v2",
    labels={"team": "maths"},
)
OLD_ADD = tool_pb2.Tool(name="add", description="The old one.", version="v1")
NAMES = (
    "ask", "bad_json", "blocks", "busy", "count", "deep", "echo", "fails", "internal", "slow",
    "unavailable", "warns",
)  # fmt: skip
TOOLS = (ADD, OLD_ADD, *(tool_pb2.Tool(name=name, version="v1") for name in NAMES))


def text(words: str) -> tool_pb2.Content:
    return tool_pb2.Content(text=tool_pb2.TextContent(text=words))


def said(words: str, **more: object) -> invoke_pb2.InvokeResponse:
    return invoke_pb2.InvokeResponse(result=tool_pb2.ToolResult(content=[text(words)], **more))


@dataclass
class Tools(invoke_pb2_grpc.ToolServiceServicer):
    """The fixture tools; remembers what it was asked."""

    requests: list[invoke_pb2.InvokeRequest] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def Invoke(self, request, context):
        self._remember(request, context)
        if request.tool not in {tool.name for tool in TOOLS}:
            message = f"no tool {request.tool!r}; nearest: add, echo"
            await context.abort(grpc.StatusCode.NOT_FOUND, message)
        return await getattr(self, f"_{request.tool}")(request, context)

    async def InvokeStream(self, request, context):
        if request.tool == "count":
            self._remember(request, context)
            for i in (1, 2, 2, 3):
                progress = invoke_pb2.Progress(progress=i, total=3, message=f"step {i}")
                yield invoke_pb2.InvokeEvent(progress=progress)
                line = invoke_pb2.LogMessage(level="info" if i < 3 else "debug", data=b'{"i":1}')
                yield invoke_pb2.InvokeEvent(log=line)
                yield invoke_pb2.InvokeEvent(content=text(f"chunk {i}"))
            yield invoke_pb2.InvokeEvent(result=tool_pb2.ToolResult(content=[text("done")]))
            return
        outcome = await self.Invoke(request, context)
        if outcome.HasField("result"):
            yield invoke_pb2.InvokeEvent(result=outcome.result)
        else:
            yield invoke_pb2.InvokeEvent(input_required=outcome.input_required)

    def _remember(self, request, context):
        self.requests.append(request)
        self.metadata.append({str(k): str(v) for k, v in context.invocation_metadata()})

    async def _add(self, request, context):
        given = orjson.loads(request.arguments)
        total = given["a"] + given["b"]
        return said(str(total), structured_content=b'{\n"sum": %d}' % total)

    async def _echo(self, request, context):
        return said(request.arguments.decode() or "{}")

    async def _count(self, request, context):
        return said("chunk 1")

    async def _fails(self, request, context):
        error = tool_pb2.ToolError(code="TOOL_ERROR", retryable=True, retry_after_ms=1500)
        return said("the disk is full; delete something", is_error=True, error=error)

    async def _warns(self, request, context):
        meta = b'{"example.org/mine":1}'
        return said("42", alerts=["the numbers are from yesterday"], meta=meta)

    async def _blocks(self, request, context):
        content = [
            tool_pb2.Content(
                image=tool_pb2.ImageContent(data=b"\x89PNG", mime_type="image/png"),
                annotations=tool_pb2.ContentAnnotations(audience=["user"], priority=0.5),
            ),
            tool_pb2.Content(audio=tool_pb2.AudioContent(data=b"RIFF", mime_type="audio/wav")),
            tool_pb2.Content(resource_link=tool_pb2.ResourceLink(uri="file:///a", name="a")),
            tool_pb2.Content(resource=tool_pb2.EmbeddedResource(uri="file:///b", blob=b"\0")),
        ]
        return invoke_pb2.InvokeResponse(
            result=tool_pb2.ToolResult(content=content, structured_content=b"[1,2]")
        )

    async def _ask(self, request, context):
        if "name" in request.input_responses:
            answer = orjson.loads(request.input_responses["name"])
            return said(f"hello {answer['content']['name']} {request.request_state.decode()}")
        params = {
            "mode": "form",
            "message": "Who are you?",
            "requestedSchema": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
            },
        }
        asked = tool_pb2.InputRequest(method="elicitation/create", params=orjson.dumps(params))
        required = tool_pb2.InputRequired(input_requests={"name": asked}, request_state=b"s1")
        return invoke_pb2.InvokeResponse(input_required=required)

    async def _slow(self, request, context):
        self.started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return said("late")

    async def _bad_json(self, request, context):
        return said("x", structured_content=b"{nope")

    async def _deep(self, request, context):
        return said("x", structured_content=b"[" * 300 + b"\n" + b"]" * 300)

    async def _busy(self, request, context):
        context.set_trailing_metadata((("grpc-retry-pushback-ms", "2500"),))
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy: 9 calls in flight")

    async def _unavailable(self, request, context):
        await context.abort(grpc.StatusCode.UNAVAILABLE, "unavailable: no replica is ready")

    async def _internal(self, request, context):
        await context.abort(grpc.StatusCode.INTERNAL, "a secret detail")


@dataclass
class Discovery(discovery_pb2_grpc.DiscoveryServiceServicer):
    """Sends a snapshot, then what the test puts into the queue."""

    events: asyncio.Queue = field(default_factory=asyncio.Queue)
    watchers: int = 0
    hold: asyncio.Event | None = None

    async def WatchTools(self, request, context):
        self.watchers += 1
        if self.hold is not None:
            await self.hold.wait()
        statuses = [discovery_pb2.ToolStatus(tool=tool, replicas=1) for tool in TOOLS]
        snapshot = discovery_pb2.ToolSnapshot(tools=statuses)
        yield discovery_pb2.CatalogEvent(cursor="1", snapshot=snapshot)
        while (event := await self.events.get()) is not None:
            yield event


@dataclass
class Running:
    """A bridge on loopback in front of the fixture tools."""

    tools: Tools
    discovery: Discovery
    bridge: Bridge
    mesh: RemoteMesh
    endpoint: str
    server: HttpServer

    @property
    def url(self) -> str:
        return f"http://{self.endpoint}/mcp"


@asynccontextmanager
async def grpc_tools(
    tools: Tools, discovery: Discovery, listen: str = "127.0.0.1:0"
) -> AsyncIterator[str]:
    server = grpc.aio.server()
    invoke_pb2_grpc.add_ToolServiceServicer_to_server(tools, server)
    discovery_pb2_grpc.add_DiscoveryServiceServicer_to_server(discovery, server)
    async with listening(server, listen) as port:
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def running_bridge(
    settings: BridgeSettings | None = None,
    tuning: Tuning | None = None,
    *,
    hold: asyncio.Event | None = None,
    metrics: Callable[[], bytes] | None = None,
) -> AsyncIterator[Running]:
    tools, discovery = Tools(), Discovery(hold=hold)
    async with (
        grpc_tools(tools, discovery) as target,
        grpc.aio.insecure_channel(target) as channel,
        RemoteMesh(channel) as mesh,
    ):
        bridge = Bridge(mesh, settings, tuning=tuning)
        server = HttpServer(HttpApp(bridge, metrics=metrics), "127.0.0.1:0", grace=1)
        endpoint = await server.start()
        try:
            yield Running(tools, discovery, bridge, mesh, endpoint, server)
        finally:
            await server.stop()
