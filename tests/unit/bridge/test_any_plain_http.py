"""Whatever a program sends to the paths of plain HTTP, it is told what is wrong, and by no bug."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.http_message import HttpAnswer, HttpRequest, RequestHead
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.remote_mesh import written_metadata
from mcpmesh.model.principal import ANONYMOUS
from mcpmesh.stack.mesh import ToolList
from mcpmesh.v1 import discovery_pb2, invoke_pb2
from tests.unit.bridge.fixture_mesh import TOOLS, said, text

WORDS = st.sampled_from(
    ["add", "ad", "a/b", "", "..", "prompt:x", "add-12345678", "manifest", "invoke", "%00", "é"]
)
PATHS = st.one_of(
    st.builds("/mcp/tool/{}/{}".format, WORDS, st.sampled_from(["invoke", "manifest", "", "x"])),
    st.sampled_from(["/manifest", "/openai/tools", "/openapi.json", "/mcp/tool/", "/mcp/tool"]),
    st.text(max_size=20).map(lambda rest: "/mcp/tool/" + rest),
)
QUERIES = st.one_of(
    st.just(b""),
    st.sampled_from([b"label=a=b", b"label", b"version=", b"style=chat", b"style=x", b"&&&=&"]),
    st.binary(max_size=30),
)
VALUES = st.one_of(
    st.sampled_from(
        [
            b"application/json", b"text/event-stream", b"*/*", b"text/html", b"100m", b"soon",
            b"application/vnd.mcpmesh.invoke+json", b'"x"', b"*", b"gzip", b"v1", b"localhost",
        ]
    ),
    st.binary(max_size=12),
)  # fmt: skip
FIELDS = st.dictionaries(
    st.sampled_from(
        [
            b"accept", b"content-type", b"content-encoding", b"grpc-timeout", b"idempotency-key",
            b"if-none-match", b"mcpmesh-tool-version", b"traceparent", b"x-correlation-id",
            b"baggage", b"tracestate", b"origin", b"host",
        ]
    ),
    VALUES,
    max_size=5,
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["arguments", "inputResponses", "requestState", "_meta", "a"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
BODIES = st.one_of(
    st.just(b""), st.binary(max_size=20), JSON.map(json.dumps).map(str.encode), st.just(b"[" * 2000)
)


class Known:
    """A mesh with the fixture's tools, each of which answers at once."""

    def tools(self):
        statuses = tuple(discovery_pb2.ToolStatus(tool=tool) for tool in TOOLS)
        return ToolList("1", statuses)

    async def invoke(self, request, origin, timeout):
        request.SerializeToString()
        assert all(value.isascii() for _, value in written_metadata(request, origin))
        return said("hi")

    async def stream(self, request, origin, timeout):
        yield invoke_pb2.InvokeEvent(content=text("hi"))
        yield invoke_pb2.InvokeEvent(result=said("hi").result)

    def listen(self, changed):
        return lambda: None

    async def ready(self):
        return True

    @property
    def notes(self):
        return None


class Written:
    """What was written to a stream."""

    principal = ANONYMOUS

    def __init__(self):
        self.parts = []

    def begin(self, headers):
        self.parts.append(b"")

    async def write(self, part):
        self.parts.append(part)

    def cancel(self):
        raise AssertionError

    def hand_over(self, rest, ended):
        raise AssertionError


@pytest.fixture(scope="module")
def app():
    return HttpApp(Bridge(Known()))


@given(
    method=st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"BREW"]),
    path=PATHS, query=QUERIES, fields=FIELDS, body=BODIES,
)  # fmt: skip
@settings(max_examples=400)
def test_any_request_has_an_answer(app, method, path, query, fields, body):
    head = RequestHead(method, path.encode(errors="replace"), fields, query=query)
    written = Written()

    async def asked():
        return await asyncio.wait_for(app(HttpRequest(head, body), written), 10)

    answer = asyncio.run(asked())
    if answer is None:
        assert any(part.startswith(b"event: result\n") for part in written.parts)
        return
    assert isinstance(answer, HttpAnswer)
    assert answer.status < 500
    if answer.body:
        told = json.loads(answer.body)
        assert ("error" in told) is (answer.status >= 400)
