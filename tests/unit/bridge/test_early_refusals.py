"""What is refused before a handler sees it has the form that answers have at its path."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import orjson
import pytest

from mcpmesh.bridge.http_head import answer_of
from mcpmesh.bridge.http_message import failed
from mcpmesh.bridge.plain_answer import refused
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.config.bridge import BridgeSettings
from tests.unit.bridge.fixture_mesh import running_bridge

INVOKE, MCP = b"/mcp/tool/echo/invoke", b"/mcp"
HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
PAGE = b"Origin: https://app.example\r\n"
KIB = 1024


def posted(fields, body=b"", version=b"1.1"):
    return b"POST %b HTTP/" + version + b"\r\n" + HOST + JSON + fields + b"\r\n" + body


REFUSED = {
    "a body whose length is too large": (
        posted(b"Content-Length: 9999\r\n"), 413, "RESOURCE_EXHAUSTED"
    ),
    "a body whose chunks are too large": (
        posted(b"Transfer-Encoding: chunked\r\n", b"800\r\n" + b"x" * 2048),
        413, "RESOURCE_EXHAUSTED",
    ),
    "a length that is no number": (posted(b"Content-Length: ten\r\n"), 400, "INVALID_ARGUMENT"),
    "two lengths": (
        posted(b"Content-Length: 1\r\nContent-Length: 2\r\n"), 400, "INVALID_ARGUMENT"
    ),
    "a chunk whose size is no number": (
        posted(b"Transfer-Encoding: chunked\r\n", b"xyz\r\n"), 400, "INVALID_ARGUMENT"
    ),
    "a body in two codings": (
        posted(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501, "UNIMPLEMENTED"
    ),
    "no host": (b"POST %b HTTP/1.1\r\n\r\n", 400, "INVALID_ARGUMENT"),
    "an unknown version": (posted(b"", version=b"2.0"), 505, "UNIMPLEMENTED"),
    "too large a head": (
        posted(b"X: " + b"y" * 70 * KIB + b"\r\n"), 431, "RESOURCE_EXHAUSTED"
    ),
    "a head that does not end": (b"POST %b HTTP/1.1\r\n" + HOST, 408, "DEADLINE_EXCEEDED"),
    "a body that does not end": (
        posted(b"Content-Length: 10\r\n", b"{"), 408, "DEADLINE_EXCEEDED"
    ),
    "a page from elsewhere": (posted(b"Content-Length: 0\r\n" + PAGE), 403, "PERMISSION_DENIED"),
}  # fmt: skip


@asynccontextmanager
async def bridge(**settings):
    tuning = Tuning(head_timeout=0.1, body_timeout=0.1)
    given = BridgeSettings(max_body_bytes=KIB, **settings)
    async with running_bridge(given, tuning) as mesh:
        yield mesh


async def answer(mesh, request):
    """Send a request; return status, type and body of the answer."""
    host, port = mesh.endpoint.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.lower().rstrip().split(b"\r\n")
        fields = dict(each.split(b": ", 1) for each in lines)
        body = await reader.readexactly(int(fields[b"content-length"]))
    writer.close()
    assert fields[b"content-type"] == b"application/json"
    return int(line.split()[1]), orjson.loads(body)


async def answers(mesh, path):
    """Send each request to a path, all at once; return the answers by what is wrong."""
    sent = (answer(mesh, request.replace(b"%b", path)) for request, _, _ in REFUSED.values())
    return dict(zip(REFUSED, await asyncio.gather(*sent), strict=True))


@pytest.mark.parametrize("cors", [False, True])
async def test_on_a_path_of_plain_http_they_are_as_its_other_failures(cors):
    allowed = {"cors": True, "allowed_origins": ("https://other.example",)} if cors else {}
    async with bridge(**allowed) as mesh:
        told = await answers(mesh, INVOKE)
    for case, (_, status, code) in REFUSED.items():
        error = told[case][1]["error"]
        assert told[case] == (status, {"error": error}), case
        assert error["message"]
        rest = {"code": code, "retryable": False, "retry_after_ms": 0}
        assert error == {"message": error["message"], **rest}, case


async def test_on_the_path_of_mcp_they_are_json_rpc():
    async with bridge() as mesh:
        told = await answers(mesh, MCP)
    for case, (_, status, _) in REFUSED.items():
        assert (told[case][0], told[case][1]["error"]["code"]) == (status, -32600), case
        assert told[case][1]["jsonrpc"] == "2.0"


async def test_too_many_requests_at_once_say_when_to_come_again():
    async with (
        bridge(max_requests_per_peer=1) as mesh,
        httpx2.AsyncClient(base_url=f"http://{mesh.endpoint}", timeout=10) as http,
    ):
        slow = asyncio.create_task(http.post("/mcp/tool/slow/invoke"))
        async with asyncio.timeout(10):
            await mesh.tools.started.wait()
        plain, rpc = await http.get("/manifest"), await http.post("/mcp")
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
    assert (plain.status_code, plain.headers["retry-after"]) == (429, "1")
    assert plain.json() == {
        "error": {
            "code": "RESOURCE_EXHAUSTED",
            "message": "too many requests at once; wait for the answers to others",
            "retryable": True,
            "retry_after_ms": 1000,
        }
    }
    assert (rpc.status_code, rpc.headers["retry-after"]) == (429, "1")
    assert rpc.json()["error"]["message"] == plain.json()["error"]["message"]


def test_a_bug_is_told_in_both_forms():
    bug = failed()
    assert orjson.loads(refused(bug).body)["error"]["code"] == "INTERNAL"
    assert orjson.loads(answer_of(bug).body)["error"]["code"] == -32603
