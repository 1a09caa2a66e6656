import asyncio
from base64 import b64encode

import httpx2
import orjson
import pytest

from mcpmesh.bridge.tuning import Tuning
from mcpmesh.config.bridge import BridgeSettings
from tests.unit.bridge.fixture_mesh import ADD, running_bridge

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
}
JSON = {"content-type": "application/json"}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"


@pytest.fixture
async def mesh():
    settings = BridgeSettings(max_body_bytes=64 * 1024, session_key="a key of the whole mesh")
    async with running_bridge(settings, Tuning(page_size=5, body_timeout=0.3)) as mesh:
        yield mesh


def client_of(mesh):
    return httpx2.AsyncClient(base_url=f"http://{mesh.endpoint}", timeout=10)


@pytest.fixture
async def http(mesh):
    async with client_of(mesh) as client:
        yield client


def message(method, params=None, request_id=1):
    body = {"jsonrpc": "2.0", "id": request_id, "method": method}
    return body if params is None else {**body, "params": params}


def modern_headers(method, name=None, **more):
    headers = {**JSON, "mcp-protocol-version": "2026-07-28", "mcp-method": method, **more}
    return headers if name is None else {**headers, "mcp-name": name}


async def modern(http, method, params=None, headers=None, meta=META, **more):
    full = {**(params or {}), "_meta": {**meta, **more}}
    headers = headers or modern_headers(method, (params or {}).get("name"))
    return await http.post("/mcp", json=message(method, full), headers=headers)


async def legacy(http, method, params=None, version="2025-11-25", **headers):
    given = {**JSON, "mcp-protocol-version": version, **headers}
    return await http.post("/mcp", json=message(method, params), headers=given)


async def initialized(http, version="2025-11-25"):
    params = {
        "protocolVersion": version,
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "raw", "version": "1"},
    }
    return await http.post("/mcp", json=message("initialize", params), headers=JSON)


def refused(response, status, code, request_id=None):
    assert response.status_code == status, response.text
    body = response.json()
    assert body["error"]["code"] == code
    assert body["id"] == request_id
    return body["error"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"\xff", -32700),
        (b"[" * 2000, -32700),
        (b'{"a": NaN}', -32700),
        (b"[]", -32600),
        (b"3", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
    ],
)
async def test_what_is_no_message_is_refused(http, body, code):
    refused(await http.post("/mcp", content=body, headers=JSON), 400, code)


async def test_a_refusal_names_the_request_when_its_id_can_be_read(http):
    body = b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[1]}'
    refused(await http.post("/mcp", content=body, headers=JSON), 400, -32600, 7)


async def test_other_types_are_415_and_406(http):
    text = {"content-type": "text/plain"}
    refused(await http.post("/mcp", content=b"{}", headers=text), 415, -32600)
    picky = {**JSON, "accept": "text/html"}
    refused(await http.post("/mcp", content=b"{}", headers=picky), 406, -32600)
    charset = {"content-type": "Application/JSON; charset=utf-8"}
    response = await http.post("/mcp", json=message("ping"), headers=charset)
    assert response.json()["result"] == {}


async def chunks(count):
    for _ in range(count):
        yield b"x" * 1024


async def test_an_oversize_body_is_413_declared_or_not(http):
    error = refused(await http.post("/mcp", content=b"x" * 70_000, headers=JSON), 413, -32600)
    assert "send less, or" in error["message"]
    assert "--max-body-bytes" in error["message"]
    refused(await http.post("/mcp", content=chunks(70), headers=JSON), 413, -32600)


async def test_a_body_that_does_not_come_is_408(mesh):
    host, port = mesh.endpoint.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: 100\r\n\r\n{"
    )
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_foreign_origins_are_403_and_loopback_ones_are_not(http):
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        response = await http.post("/mcp", json=message("ping"), headers={"origin": origin})
        refused(response, 403, -32600)
    for origin in ("http://localhost:3000", "http://127.0.0.1", "http://[::1]:80"):
        response = await http.post("/mcp", json=message("ping"), headers={"origin": origin})
        assert response.status_code == 200


async def test_other_paths_and_methods(http):
    assert (await http.get("/")).status_code == 404
    response = await http.get("/mcp")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert "POST" in response.json()["error"]
    assert (await http.delete("/mcp")).status_code == 405
    assert (await http.put("/mcp", content=b"")).status_code == 405
    assert (await http.post("/healthz")).status_code == 405


async def test_health_and_readiness(http, mesh):
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    await modern(http, "tools/list")
    response = await http.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"ready": True, "tools": 13})
    await mesh.mesh.stop()
    response = await http.get("/readyz")
    assert (response.status_code, response.json()["ready"]) == (503, False)


async def test_metrics_are_a_page_where_there_are_any():
    def page() -> bytes:
        return b"calls 7\n"

    async with running_bridge(metrics=page) as mesh, client_of(mesh) as http:
        response = await http.get("/metrics")
        assert (response.status_code, response.text) == (200, "calls 7\n")
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert (await http.post("/metrics")).status_code == 405
    async with running_bridge() as mesh, client_of(mesh) as http:
        assert (await http.get("/metrics")).status_code == 404


async def test_unknown_methods_by_era(http):
    refused(await modern(http, "ping"), 404, -32601, 1)
    refused(await modern(http, "initialize"), 404, -32601, 1)
    refused(await legacy(http, "tools/cal"), 200, -32601, 1)
    refused(await legacy(http, "subscriptions/listen"), 200, -32601, 1)


async def test_modern_requests_need_their_meta(http):
    headers = modern_headers("tools/list")
    for params in ({}, {"_meta": 3}, {"_meta": {}}):
        response = await http.post("/mcp", json=message("tools/list", params), headers=headers)
        refused(response, 400, -32602, 1)
    without = {key: value for key, value in META.items() if "Capabilities" not in key}
    refused(await modern(http, "tools/list", meta=without), 400, -32602, 1)


async def test_modern_headers_must_say_what_the_body_says(http):
    call = {"name": "echo"}
    good = modern_headers("tools/call", "echo")
    bad = [
        {**good, "mcp-name": "add"},
        {**good, "mcp-method": "tools/list"},
        {**good, "mcp-protocol-version": "2025-11-25"},
        {**good, "mcp-name": "=?base64?!?="},
        *({k: v for k, v in good.items() if k != name} for name in good if name[:3] == "mcp"),
        [*good.items(), ("mcp-name", "echo")],
    ]
    for headers in bad:
        refused(await modern(http, "tools/call", call, headers), 400, -32020, 1)
    encoded = f"=?base64?{b64encode(b'echo').decode()}?="
    response = await modern(http, "tools/call", call, {**good, "mcp-name": encoded})
    assert response.json()["result"]["isError"] is False


async def test_unsupported_versions_name_the_supported(http):
    meta = {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    headers = modern_headers("tools/list", **{"mcp-protocol-version": "2099-01-01"})
    error = refused(await modern(http, "tools/list", None, headers, meta), 400, -32022, 1)
    assert error["data"]["requested"] == "2099-01-01"
    assert error["data"]["supported"] == ["2026-07-28"]
    error = refused(await legacy(http, "tools/list", version="1999-01-01"), 400, -32022, 1)
    assert error["data"]["supported"][0] == "2025-11-25"


async def test_discover_tells_versions_and_may_be_cached(http):
    result = (await modern(http, "server/discover")).json()["result"]
    assert result["supportedVersions"] == ["2026-07-28"]
    assert result["resultType"] == "complete"
    assert result["ttlMs"] >= 0
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "mcpmesh"


async def test_pages_of_tools_join_to_the_whole_list(http):
    names, cursor = [], None
    for _ in range(3):
        params = {} if cursor is None else {"cursor": cursor}
        result = (await modern(http, "tools/list", params)).json()["result"]
        assert result["cacheScope"] == "public"
        names += [tool["name"] for tool in result["tools"]]
        cursor = result.get("nextCursor")
    assert cursor is None
    assert len(names) == 13
    assert names == sorted(set(names))
    for wrong in ("x", "", 3, "YWZ0ZXI6", "ÿ"):
        refused(await modern(http, "tools/list", {"cursor": wrong}), 400, -32602, 1)


async def test_a_tool_is_listed_with_schemas_hints_and_labels(http):
    tools = (await modern(http, "tools/list")).json()["result"]["tools"]
    add = next(tool for tool in tools if tool["name"] == "add")
    assert add == {
        "name": "add",
        "title": "Add",
        "description": "Adds two integers.",
        "inputSchema": orjson.loads(ADD.input_schema),
        "outputSchema": orjson.loads(ADD.output_schema),
        "annotations": {"readOnlyHint": True, "idempotentHint": True},
        "_meta": {"mcpmesh/labels": {"team": "maths"}},
    }
    assert tools[1]["inputSchema"] == {"type": "object"}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": 3},
        {"name": "white space"},
        {"name": "ü"},
        {"name": "echo", "arguments": []},
        {"name": "echo", "requestState": 1},
        {"name": "echo", "requestState": "forged"},
        {"name": "echo", "inputResponses": []},
    ],
)
async def test_malformed_params_of_a_call_are_32602(http, params):
    name = f"=?base64?{b64encode(str(params.get('name')).encode()).decode()}?="
    headers = modern_headers("tools/call", name)
    refused(await modern(http, "tools/call", params, headers), 400, -32602, 1)


async def test_malformed_meta_of_a_call_is_32602(http):
    for key, value in (("progressToken", 1.5), ("io.modelcontextprotocol/logLevel", "loud")):
        refused(await modern(http, "tools/call", {"name": "echo"}, **{key: value}), 400, -32602, 1)


async def test_a_body_deeper_than_the_limit_is_refused(http):
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":'
    deep = b'{"a":%b}}}' % (b"[" * 300 + b"]" * 300)
    error = refused(await http.post("/mcp", content=body + deep, headers=JSON), 400, -32600)
    assert "--max-depth" in error["message"]
    wide = b'{"a":[%b]}}}' % b",".join([b"[]"] * 300)
    assert (await http.post("/mcp", content=body + wide, headers=JSON)).status_code == 200


@pytest.mark.parametrize(
    ("tool", "code", "after"),
    [("unavailable", "UNAVAILABLE", 0), ("busy", "RESOURCE_EXHAUSTED", 2500)],
)
async def test_failures_of_the_mesh_are_results_for_the_model(http, tool, code, after):
    result = (await modern(http, "tools/call", {"name": tool})).json()["result"]
    assert result["isError"] is True
    assert result["resultType"] == "complete"
    meta = {"code": code, "retryable": True, "retry_after_ms": after}
    assert result["_meta"]["mcpmesh/error"] == meta


async def test_internal_errors_keep_their_detail_from_the_client(http):
    for tool in ("internal", "bad_json", "deep"):
        error = refused(await modern(http, "tools/call", {"name": tool}), 200, -32603, 1)
        assert "secret" not in error["message"]


async def test_alerts_are_notes_and_meta(http):
    result = (await modern(http, "tools/call", {"name": "warns"})).json()["result"]
    assert result["content"][-1]["text"] == "Note: the numbers are from yesterday"
    assert result["_meta"]["mcpmesh/alerts"] == ["the numbers are from yesterday"]
    assert result["_meta"]["example.org/mine"] == 1


async def test_blocks_take_the_form_that_the_revision_knows(http):
    result = (await modern(http, "tools/call", {"name": "blocks"})).json()["result"]
    kinds = [block["type"] for block in result["content"]]
    assert kinds == ["image", "audio", "resource_link", "resource"]
    assert result["content"][0]["annotations"] == {"audience": ["user"], "priority": 0.5}
    assert result["structuredContent"] == [1, 2]
    for version, kinds in (
        ("2025-11-25", ["image", "audio", "resource_link", "resource"]),
        ("2025-03-26", ["image", "audio", "text", "resource"]),
        ("2024-11-05", ["image", "text", "text", "resource"]),
    ):
        old = (await legacy(http, "tools/call", {"name": "blocks"}, version)).json()["result"]
        assert [block["type"] for block in old["content"]] == kinds
        assert "structuredContent" not in old


async def test_ids_travel_through_the_call_and_come_back(http, mesh):
    headers = modern_headers("tools/call", "echo", traceparent=TRACEPARENT)
    headers |= {"tracestate": "a=b", "baggage": "user=1", "x-correlation-id": "case-7"}
    other = "00-11111111111111111111111111111111-2222222222222222-00"
    response = await modern(
        http, "tools/call", {"name": "echo"}, headers, traceparent=other, **{"mcpmesh/x": 1}
    )
    assert response.headers["x-correlation-id"] == "case-7"
    assert response.json()["result"]["_meta"]["mcpmesh/correlationId"] == "case-7"
    sent = mesh.tools.metadata[-1]
    assert sent["traceparent"] == TRACEPARENT
    assert sent["tracestate"] == "a=b"
    assert sent["baggage"] == "mcpmesh.correlation_id=case-7,user=1"
    assert sent["x-correlation-id"] == "case-7"
    assert sent["mcp-name"] == "echo"
    assert sent["mcpmesh-caller"] == "raw/1"
    assert orjson.loads(mesh.tools.requests[-1].meta)["mcpmesh/x"] == 1


async def test_ids_are_made_when_absent_or_malformed(http, mesh):
    headers = modern_headers("tools/call", "echo")
    headers |= {"traceparent": "nonsense", "x-correlation-id": "two words"}
    response = await modern(http, "tools/call", {"name": "echo"}, headers)
    made = response.headers["x-correlation-id"]
    sent = mesh.tools.metadata[-1]
    assert sent["x-correlation-id"] == made
    assert sent["traceparent"].split("-")[1] == made


async def test_trace_context_of_meta_serves_when_no_header_does(http, mesh):
    await modern(http, "tools/call", {"name": "echo"}, traceparent=TRACEPARENT)
    assert mesh.tools.metadata[-1]["traceparent"] == TRACEPARENT


async def test_a_call_may_ask_for_a_version(http, mesh):
    call = {"name": "echo"}
    await modern(http, "tools/call", call, **{"mcpmesh/toolVersion": "v1"})
    assert mesh.tools.requests[-1].version == "v1"
    assert mesh.tools.metadata[-1]["mcpmesh-tool-version"] == "v1"
    wrong = await modern(http, "tools/call", call, **{"mcpmesh/toolVersion": 3})
    refused(wrong, 400, -32602, 1)


async def test_a_question_is_answered_with_state_that_fits_only_its_tool(http, mesh):
    capable = {**META, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    asked = await modern(http, "tools/call", {"name": "ask"}, meta=capable)
    result = asked.json()["result"]
    assert result["resultType"] == "input_required"
    assert result["inputRequests"]["name"]["method"] == "elicitation/create"
    responses = {"name": {"action": "accept", "content": {"name": "Bo"}}}
    more = {"inputResponses": responses, "requestState": result["requestState"]}
    answered = await modern(http, "tools/call", {"name": "ask", **more}, meta=capable)
    assert answered.json()["result"]["content"][0]["text"] == "hello Bo s1"
    refused(await modern(http, "tools/call", {"name": "echo", **more}), 400, -32602, 1)


async def test_a_session_is_good_on_every_bridge_that_shares_the_key(http):
    session = (await initialized(http)).headers["mcp-session-id"]
    settings = BridgeSettings(session_key="a key of the whole mesh")
    async with running_bridge(settings) as other, httpx2.AsyncClient() as second:
        headers = {**JSON, "mcp-session-id": session}
        response = await second.post(other.url, json=message("tools/list"), headers=headers)
        assert response.status_code == 200
        call = message("tools/call", {"name": "echo"})
        await second.post(other.url, json=call, headers=headers)
        assert other.tools.metadata[-1]["mcpmesh-caller"] == "raw/1"


async def test_sessions_that_are_forged_or_ended_are_404(http):
    session = (await initialized(http)).headers["mcp-session-id"]
    good = {"mcp-session-id": session}
    refused(await legacy(http, "ping", **{"mcp-session-id": session[:-2] + "AA"}), 404, -32600)
    refused(await legacy(http, "ping", **{"mcp-session-id": "x"}), 404, -32600)
    assert (await legacy(http, "ping", **good)).status_code == 200
    assert (await http.delete("/mcp", headers=good)).status_code == 200
    refused(await legacy(http, "ping", **good), 404, -32600)
    assert (await http.delete("/mcp", headers=good)).status_code == 404


async def test_initialize_echoes_known_versions_only(http):
    for asked, given in (("2024-11-05", "2024-11-05"), ("2099-01-01", "2025-11-25")):
        result = (await initialized(http, asked)).json()["result"]
        assert result["protocolVersion"] == given


async def test_legacy_notifications_and_responses_are_202(http):
    for body in (
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/unheard-of", "params": {}},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
    ):
        response = await http.post("/mcp", json=body)
        assert (response.status_code, response.content) == (202, b"")


async def test_modern_clients_send_no_responses(http):
    body = {"jsonrpc": "2.0", "id": 1, "result": {}}
    refused(await http.post("/mcp", json=body, headers=modern_headers("x")), 400, -32600)


async def test_batches_exist_in_one_revision_only(http):
    batch = [message("ping", None, 1), message("tools/call", {"name": "echo"}, 2), 3]
    response = await http.post("/mcp", json=batch)
    answers = response.json()
    assert [answer.get("id") for answer in answers] == [1, 2, None]
    assert answers[2]["error"]["code"] == -32600
    refused(
        await http.post("/mcp", json=batch, headers={"mcp-protocol-version": "2025-06-18"}),
        400,
        -32600,
    )
    refused(await http.post("/mcp", json=batch, headers=modern_headers("ping")), 400, -32600)
    quiet = [{"jsonrpc": "2.0", "method": "notifications/initialized"}]
    assert (await http.post("/mcp", json=quiet)).status_code == 202
    refused(await http.post("/mcp", json=[message("ping")] * 101), 400, -32600)
    first = await http.post("/mcp", json=[message("initialize", {})])
    assert first.json()[0]["error"]["code"] == -32600


async def test_a_legacy_session_cancels_its_own_requests_only(http, mesh):
    first, second = [
        {**JSON, "mcp-session-id": (await initialized(http)).headers["mcp-session-id"]}
        for _ in range(2)
    ]
    call = message("tools/call", {"name": "slow"}, 9)
    waiting = asyncio.create_task(http.post("/mcp", json=call, headers=first))
    await asyncio.wait_for(mesh.tools.started.wait(), 5)
    twin = await http.post("/mcp", json=call, headers=first)
    refused(twin, 400, -32600, 9)
    params = {"requestId": 9}
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
    await http.post("/mcp", json=cancel, headers=second)
    await http.post("/mcp", json=cancel)
    assert not mesh.tools.cancelled.is_set()
    await http.post("/mcp", json=cancel, headers=first)
    await asyncio.wait_for(mesh.tools.cancelled.wait(), 5)
    response = await waiting
    assert (response.status_code, response.content) == (202, b"")


async def test_a_stream_that_stays_silent_is_a_plain_answer_with_its_status(http):
    response = await modern(http, "tools/call", {"name": "nix"}, progressToken=1)
    refused(response, 400, -32602, 1)
    response = await modern(http, "tools/call", {"name": "echo"}, progressToken=1)
    assert response.headers["content-type"] == "application/json"


async def test_log_lines_come_only_from_the_level_asked_for(http):
    key = "io.modelcontextprotocol/logLevel"
    response = await modern(http, "tools/call", {"name": "count"}, **{key: "debug"})
    assert response.headers["content-type"] == "text/event-stream"
    events = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    methods = [orjson.loads(event).get("method") for event in events]
    assert methods == ["notifications/message"] * 4 + [None]
    response = await modern(http, "tools/call", {"name": "count"}, progressToken="t")
    assert "notifications/message" not in response.text
