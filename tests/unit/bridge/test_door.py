"""Hosts, origins, depth and the counts of requests: who may come in, and how much they may ask."""

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.bridge.answering import Answering
from mcpmesh.bridge.depth import is_deeper
from mcpmesh.bridge.door import Door, name_of
from mcpmesh.bridge.http_message import HttpRefusal
from mcpmesh.config import BridgeSettings, InvalidSetting
from tests.eventually import eventually
from tests.unit.bridge.fixture_mesh import running_bridge
from tests.unit.bridge.test_http import JSON, message, modern_headers

PATHS = ("/mcp", "/manifest", "/openapi.json", "/healthz", "/readyz", "/nothing")
EVIL = "https://evil.example"
PAGE = "https://app.example"


@asynccontextmanager
async def served(**settings):
    async with (
        running_bridge(BridgeSettings(**settings)) as mesh,
        httpx2.AsyncClient(base_url=f"http://{mesh.endpoint}", timeout=10) as http,
    ):
        yield http, mesh


def lets_in(settings, **headers):
    try:
        Door(settings).check({name.encode(): value.encode() for name, value in headers.items()})
    except HttpRefusal as refusal:
        return refusal.status
    return 200


LOCAL = BridgeSettings(http="127.0.0.1:7080")


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        (LOCAL, "localhost", 200),
        (LOCAL, "LOCALHOST:7080", 200),
        (LOCAL, "127.0.0.1:7080", 200),
        (LOCAL, "[::1]:7080", 200),
        (LOCAL, "10.0.0.7", 200),  # nobody can give an address another meaning
        (LOCAL, "evil.example:7080", 421),
        (LOCAL, "localhost.evil.example", 421),
        (LOCAL, "127.0.0.1.evil.example", 421),
        (LOCAL, "", 421),
        (BridgeSettings(http="unix:/tmp/s"), "evil.example", 421),
        (BridgeSettings(http="0.0.0.0:7080"), "mesh.internal", 200),
        (BridgeSettings(http="0.0.0.0:7080", allowed_hosts=("a.example",)), "a.example:80", 200),
        (BridgeSettings(http="0.0.0.0:7080", allowed_hosts=("a.example",)), "b.example", 421),
        (BridgeSettings(allowed_hosts=("Mesh.Internal",)), "mesh.internal", 200),
        (BridgeSettings(allowed_hosts=("*",)), "evil.example", 200),
    ],
)
def test_a_host_is_one_that_the_bridge_goes_by(settings, host, status):
    assert lets_in(settings, host=host) == status


def test_a_client_of_http_1_0_may_give_no_host():
    assert lets_in(LOCAL) == 200


@given(st.text(max_size=30))
def test_any_host_is_answered(host):
    lets_in(LOCAL, host=host)
    assert isinstance(name_of(host), str)


@pytest.mark.parametrize("host", ["a.example:80", "https://a.example", "", "a b"])
def test_an_allowed_host_is_a_name(host):
    with pytest.raises(InvalidSetting, match="allowed_hosts"):
        BridgeSettings(allowed_hosts=(host,))


async def test_no_path_is_served_to_a_page_of_another_name():
    async with served() as (http, _):
        for path in PATHS:
            rebound = await http.get(path, headers={"host": "evil.example"})
            assert rebound.status_code == 421, path
            assert (await http.get(path, headers={"origin": EVIL})).status_code == 403, path


async def test_without_cors_no_page_may_read():
    async with served(allowed_origins=(PAGE,)) as (http, _):
        for method in ("GET", "OPTIONS"):
            answer = await http.request(method, "/manifest", headers={"origin": PAGE})
            assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_page_asks_what_it_may_send_and_reads_what_comes():
    async with served(allowed_origins=(PAGE,), cors=True) as (http, _):
        asked = {
            "origin": PAGE,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type, mcp-method, mcp-param-city",
        }
        for path in ("/mcp", "/mcp/tool/add/invoke", "/manifest"):
            told = await http.options(path, headers=asked)
            assert (told.status_code, told.content) == (204, b"")
            assert told.headers["access-control-allow-origin"] == PAGE
            assert "POST" in told.headers["access-control-allow-methods"]
            assert "mcp-param-city" in told.headers["access-control-allow-headers"]
            refused = await http.options(path, headers={**asked, "origin": EVIL})
            assert refused.status_code == 403
            assert "access-control-allow-origin" not in refused.headers
        odd = {**asked, "access-control-request-headers": "x" * 2000}
        told = await http.options("/mcp", headers=odd)
        assert "access-control-allow-headers" not in told.headers

        own = {"origin": PAGE}
        read = await http.get("/manifest", headers=own)
        assert read.headers["access-control-allow-origin"] == PAGE
        assert "etag" in read.headers["access-control-expose-headers"]
        assert read.headers["vary"] == "origin"
        posted = await http.post("/mcp", json=message("ping"), headers={**JSON, **own})
        assert posted.headers["access-control-allow-origin"] == PAGE
        events = {**own, "accept": "text/event-stream"}
        streamed = await http.post("/mcp/tool/count/invoke", headers=events)
        assert streamed.headers["content-type"] == "text/event-stream"
        assert streamed.headers["access-control-allow-origin"] == PAGE
        # Programs are no pages; what they get is not for pages that ask the same cache.
        plain = await http.get("/manifest")
        assert "access-control-allow-origin" not in plain.headers
        assert plain.headers["vary"] == "origin"
        missing = await http.get("/nothing", headers=own)
        assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, PAGE)


def readable(answer):
    return answer.headers.get("access-control-allow-origin")


async def test_a_page_reads_why_it_was_refused_before_anybody_looked_at_its_request():
    async with served(allowed_origins=(PAGE,), cors=True, max_body_bytes=1024) as (http, _):
        own = {**JSON, "origin": PAGE}
        for body in (b"x" * 2000, _pieces(20)):
            large = await http.post("/mcp", content=body, headers=own)
            assert (large.status_code, readable(large)) == (413, PAGE)
            assert "--max-body-bytes" in large.text
        many = await http.post("/mcp", headers={**own, "x": "y" * 70_000})
        assert (many.status_code, readable(many)) == (431, PAGE)
        evil = await http.post("/mcp", content=b"x" * 2000, headers={**JSON, "origin": EVIL})
        assert (evil.status_code, readable(evil)) == (413, None)
        assert evil.headers["vary"] == "origin"
        for refused in (
            await http.post("/mcp", content=b"{}", headers={**own, "content-type": "text/plain"}),
            await http.post("/mcp", content=b"{", headers=own),
            await http.delete("/mcp", headers={**own, "mcp-session-id": "x"}),
            await http.get("/manifest?x=1", headers=own),
        ):
            assert refused.status_code >= 400
            assert readable(refused) == PAGE


async def _pieces(count):
    for _ in range(count):
        yield b"x" * 100


async def test_a_page_reads_that_it_asked_too_much_at_once():
    async with served(allowed_origins=(PAGE,), cors=True, max_requests_per_peer=1) as (http, mesh):
        own = {"origin": PAGE}
        slow = asyncio.create_task(http.post("/mcp/tool/slow/invoke", headers=own))
        async with asyncio.timeout(10):
            await mesh.tools.started.wait()
        refused = await http.get("/manifest", headers=own)
        assert (refused.status_code, readable(refused)) == (429, PAGE)
        assert "retry-after" in refused.headers["access-control-expose-headers"]
        # A browser that wants to know whether the page may ask is told.
        asks = {**own, "access-control-request-method": "POST"}
        assert (await http.options("/mcp", headers=asks)).status_code == 204
        slow.cancel()


async def test_a_message_of_the_older_transport_is_held_to_the_same_depth():
    async with (
        served(sse=True, max_depth=32) as (http, _),
        http.stream("GET", "/sse", headers={"accept": "text/event-stream"}) as events,
    ):
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                break
        deep = b'{"a":' * 40 + b"1" + b"}" * 40
        refused = await http.post(line.removeprefix("data: "), content=deep, headers=JSON)
        assert refused.status_code == 400
        assert "--max-depth" in refused.text


async def test_a_page_reads_an_answer_that_became_a_stream_for_being_late():
    async with served(allowed_origins=(PAGE,), cors=True, heartbeat=1.0) as (http, _):
        accept = {"accept": "application/json, text/event-stream", "origin": PAGE}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
        begun = await http.post(
            "/mcp", json=message("initialize", params), headers={**JSON, **accept}
        )
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        asked = message("tools/call", {"name": "slow"})
        headers = {**JSON, **accept, **session}
        async with http.stream("POST", "/mcp", json=asked, headers=headers) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["access-control-allow-origin"] == PAGE


async def test_one_peer_has_so_many_requests_at_once():
    async with served(max_requests_per_peer=2) as (http, mesh):
        headers = {"grpc-timeout": "30S"}
        calls = [
            asyncio.create_task(http.post("/mcp/tool/slow/invoke", headers=headers))
            for _ in range(2)
        ]
        await eventually(lambda: len(mesh.tools.requests) == 2)
        busy = await http.post("/mcp/tool/echo/invoke")
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

        async def echoes():
            return (await http.post("/mcp/tool/echo/invoke")).status_code == 200

        await eventually(echoes)


async def test_an_answer_over_the_limit_is_not_passed_on():
    async with served(max_answer_bytes=1024) as (http, _):
        long = {"text": "x" * 2000}
        plain = await http.post("/mcp/tool/echo/invoke", json=long)
        assert plain.status_code == 400
        assert "--max-answer-bytes" in plain.json()["error"]["message"]
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {"name": "echo", "arguments": long, "_meta": meta}
        answer = await http.post(
            "/mcp", json=message("tools/call", params), headers=modern_headers("tools/call", "echo")
        )
        result = answer.json()["result"]
        assert result["isError"] is True
        assert "--max-answer-bytes" in result["content"][0]["text"]
        assert result["_meta"]["mcpmesh/error"]["code"] == "OUT_OF_RANGE"
        lists = await http.post(
            "/mcp",
            json=message("tools/list", {"_meta": meta}),
            headers=modern_headers("tools/list"),
        )
        assert len(lists.json()["result"]["tools"]) > 1


def test_requests_are_counted_by_peer():
    answering = Answering(2)
    assert not answering.full
    for _ in range(2):
        answering.enter("a")
    answering.enter("b")
    assert answering.full
    assert answering.is_full("a")
    assert not answering.is_full("b")
    for peer in ("a", "a", "b"):
        answering.leave(peer)
    assert not answering.full
    assert repr(answering) == "<Answering 0 requests of 0 peers>"
    endless = Answering(0)
    endless.enter("a")
    assert not endless.full


@pytest.mark.parametrize("levels", [1, 7, 8, 9, 200])
def test_depth_is_counted_in_objects_and_lists(levels):
    value = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value, "b": []} if level else {"a": value}
    assert is_deeper(value, 8) is (levels > 8)
    assert not is_deeper("[[[[[[[[[[[[", 1)
