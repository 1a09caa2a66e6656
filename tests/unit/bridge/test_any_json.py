"""Whatever JSON, or almost JSON, comes in: an answer of the protocol goes out, never a 500."""

import asyncio
import logging

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.http_message import HttpRequest, RequestHead
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_mesh import written_metadata
from mcpmesh.bridge.run import Run
from mcpmesh.codec import mcp
from mcpmesh.model.principal import ANONYMOUS
from mcpmesh.stack.mesh import ToolList
from mcpmesh.v1 import discovery_pb2, invoke_pb2, prompt_pb2, resource_pb2, tool_pb2

STATUSES = tuple(
    discovery_pb2.ToolStatus(tool=tool)
    for tool in (
        tool_pb2.Tool(name="echo", version="1"),
        tool_pb2.Tool(name="prompt:echo", version="1", prompt=prompt_pb2.Prompt()),
        tool_pb2.Tool(
            name="resource:a://b",
            version="1",
            resource=resource_pb2.Resource(uri="a://b", name="b"),
        ),
        tool_pb2.Tool(
            name="resource:a://c/{x}",
            version="1",
            resource=resource_pb2.Resource(uri="a://c/{x}", name="c", template=True),
        ),
    )
)
HEADERS = [(b"content-type", b"application/json")]


class Loopback:
    """A mesh in memory whose only tool repeats its arguments."""

    def tools(self):
        return ToolList("1", STATUSES)

    async def invoke(self, request, origin, timeout):
        for key, value in written_metadata(request, origin):
            assert key.isascii()
            assert value.isascii()
            assert value.isprintable()
        content = [tool_pb2.Content(text=tool_pb2.TextContent(text=request.arguments.decode()))]
        result = tool_pb2.ToolResult(content=content)
        if request.complete:
            result.structured_content = b'{"values":[]}'
        return invoke_pb2.InvokeResponse(result=result)

    async def stream(self, request, origin, timeout):
        outcome = await self.invoke(request, origin, timeout)
        yield invoke_pb2.InvokeEvent(progress=invoke_pb2.Progress(progress=1))
        yield invoke_pb2.InvokeEvent(result=outcome.result)

    def listen(self, changed):
        return lambda: None

    async def ready(self):
        return True


class Parts:
    """A stream in memory."""

    principal = ANONYMOUS

    def __init__(self):
        self.parts = []

    def begin(self, headers):
        pass

    async def write(self, part):
        self.parts.append(part)

    def cancel(self):
        raise AssertionError("nobody cancels")


async def post(app, body, headers):
    stream = Parts()
    done = asyncio.get_running_loop().create_future()
    request = HttpRequest(RequestHead(b"POST", b"/mcp", dict(headers)), body)
    Run(app(request, stream), done.set_result, done.set_exception).resume()
    answer = await done
    if answer is None:
        return 200, b"".join(stream.parts)
    return answer.status, answer.body


leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    leaf,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
meta = st.dictionaries(
    st.sampled_from(
        [
            mcp.PROTOCOL_VERSION,
            mcp.CLIENT_CAPABILITIES,
            mcp.CLIENT_INFO,
            mcp.LOG_LEVEL,
            mcp.OUR_TOOL_VERSION,
            mcp.OUR_CORRELATION_ID,
            "progressToken",
            "traceparent",
            "baggage",
        ]
    ),
    anything | st.sampled_from(["2026-07-28", "2025-11-25", "debug"]),
)
refs = st.sampled_from(
    [{"type": "ref/prompt", "name": "echo"}, {"type": "ref/resource", "uri": "a://c/{x}"}]
)
filters = st.dictionaries(
    st.sampled_from(["toolsListChanged", "promptsListChanged", "resourceSubscriptions"]),
    st.just(True) | anything,
)
params = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("echo") | anything,
        "arguments": anything,
        "_meta": meta | anything,
        "cursor": anything,
        "protocolVersion": anything,
        "clientInfo": anything,
        "capabilities": anything,
        "inputResponses": anything,
        "requestState": anything,
        "level": anything,
        "uri": st.sampled_from(["a://b", "a://c/d"]) | anything,
        "ref": refs | anything,
        "argument": st.just({"name": "x", "value": ""}) | anything,
        "context": anything,
        "notifications": filters | anything,
        "requestId": anything,
    },
)
methods = st.sampled_from(
    [
        "tools/call",
        "tools/list",
        "initialize",
        "ping",
        "server/discover",
        "logging/setLevel",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "completion/complete",
        "subscriptions/listen",
        "notifications/cancelled",
        "x",
    ]
)
messages = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | anything,
        "id": st.integers() | st.text(max_size=5) | anything,
        "method": methods | anything,
        "params": params | anything,
        "result": anything,
        "error": anything,
    },
)
value = st.binary(max_size=12)
headers = st.lists(
    st.tuples(st.just(b"mcp-protocol-version"), st.sampled_from([b"2026-07-28", b"2025-03-26"]))
    | st.tuples(
        st.just(b"mcp-method"), st.sampled_from([b"tools/call", b"subscriptions/listen"]) | value
    )
    | st.tuples(st.just(b"mcp-name"), st.just(b"echo") | value)
    | st.tuples(st.just(b"x-correlation-id"), value)
    | st.tuples(st.sampled_from([b"traceparent", b"tracestate", b"baggage"]), value),
    max_size=4,
)

#: Calls that are right but for what goes with them.
_REQUIRED = {
    mcp.PROTOCOL_VERSION: st.just("2026-07-28"),
    mcp.CLIENT_CAPABILITIES: st.just({}),
}
_MORE = {
    mcp.CLIENT_INFO: st.fixed_dictionaries({"name": st.text(), "version": st.text()}) | anything,
    mcp.OUR_CORRELATION_ID: st.text() | anything,
    "traceparent": st.text() | anything,
    "baggage": st.text() | anything,
}
calls = st.fixed_dictionaries(
    {
        "jsonrpc": st.just("2.0"),
        "id": st.integers(0, 99),
        "method": st.just("tools/call"),
        "params": st.fixed_dictionaries(
            {
                "name": st.just("echo"),
                "arguments": st.dictionaries(st.text(), anything),
                "_meta": st.fixed_dictionaries(_REQUIRED, optional=_MORE),
            }
        ),
    }
)
of_a_call = [
    (b"mcp-protocol-version", b"2026-07-28"), (b"mcp-method", b"tools/call"), (b"mcp-name", b"echo")
]  # fmt: skip
links = st.lists(
    st.tuples(st.sampled_from([b"x-correlation-id", b"traceparent", b"baggage"]), value), max_size=2
)


def encodable(message):
    try:
        return orjson.dumps(message)
    except TypeError:
        return b"{}"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calls.map(encodable), links)
def test_whatever_a_right_call_says_of_itself_it_is_answered(sent, extra):
    if sent == b"{}":
        return  # deeper than JSON is written
    app = HttpApp(Bridge(Loopback()))
    app.drain()
    status, body = asyncio.run(post(app, sent, HEADERS + of_a_call + extra))
    answer = orjson.loads(body)
    assert status == 200 or answer["error"]["code"] == -32602
    assert status != 200 or answer["result"]["content"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(b"n", [])
@given(
    st.binary(max_size=40)
    | messages.map(encodable)
    | anything.map(encodable)
    | st.lists(messages, max_size=3).map(encodable),
    headers,
)
def test_any_body_gets_an_answer_of_the_protocol(sent, extra):
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger("mcpmesh").addHandler(handler)
    try:
        app = HttpApp(Bridge(Loopback()))
        app.drain()  # who listens to changes hears that there will be none
        status, body = asyncio.run(post(app, sent, HEADERS + extra))
    finally:
        logging.getLogger("mcpmesh").removeHandler(handler)
    assert status in (200, 202, 400, 404)
    assert not [record for record in records if record.levelno >= logging.ERROR]
    if status == 202:
        assert body == b""
        return
    # As one JSON text or as the last event of a stream; an error's message may say "data: ".
    text = body if body[:1] in b"{[" else body.rpartition(b"data: ")[2]
    answers = orjson.loads(text)
    for answer in answers if isinstance(answers, list) else [answers]:
        assert answer["jsonrpc"] == "2.0"
        assert ("result" in answer) != ("error" in answer)
