"""Plain HTTP: what programs without JSON-RPC read and call."""

import asyncio

import httpx2
import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mcpmesh.bridge.http_reader import query_of
from mcpmesh.config.bridge import BridgeSettings
from mcpmesh.v1 import discovery_pb2, tool_pb2
from tests.unit.bridge.fixture_mesh import ADD, NAMES, running_bridge

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
LISTS = ("/manifest", "/openai/tools", "/openapi.json")
POINT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"point": {"$ref": "#/$defs/Point"}, "$ref": {"type": "string"}},
    "$defs": {"Point": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Point"}}}},
}


@pytest.fixture
async def mesh():
    async with running_bridge(BridgeSettings(session_key="a key of the whole mesh")) as mesh:
        yield mesh


@pytest.fixture
async def http(mesh):
    async with httpx2.AsyncClient(base_url=f"http://{mesh.endpoint}", timeout=10) as client:
        yield client


async def added(mesh, tool):
    """Let the mesh have one more tool, and wait until the bridge knows."""
    heard = asyncio.Event()
    stop = mesh.mesh.listen(heard.set)
    before = mesh.mesh.tools().cursor
    updated = discovery_pb2.ToolStatus(tool=tool, replicas=1)
    await mesh.discovery.events.put(discovery_pb2.CatalogEvent(cursor="2", updated=updated))
    async with asyncio.timeout(10):
        # The first list may come only now, and is a change too.
        while mesh.mesh.tools().cursor == before or updated not in mesh.mesh.tools().tools:
            await heard.wait()
            heard.clear()
    stop()


def error_of(response, status, code):
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["code"] == code
    return error


def events_of(response):
    assert response.headers["content-type"] == "text/event-stream"
    found = []
    for block in response.text.split("\n\n"):
        lines = [line.partition(": ") for line in block.splitlines() if line[:1] != ":"]
        if lines:
            fields = {name: value for name, _, value in lines}
            found.append((fields["event"], orjson.loads(fields["data"])))
    return found


async def test_the_manifest_lists_the_newest_version_of_each_tool(http):
    tools = (await http.get("/manifest")).json()["tools"]
    assert [tool["name"] for tool in tools] == sorted(["add", *NAMES])
    assert tools[0] == {
        "name": "add",
        "version": "v2",
        "title": "Add",
        "description": "Adds two integers.",
        "inputSchema": orjson.loads(ADD.input_schema),
        "outputSchema": orjson.loads(ADD.output_schema),
        "annotations": {"readOnlyHint": True, "idempotentHint": True},
        "labels": {"team": "maths"},
        "invoke": "/mcp/tool/add/invoke",
    }


async def test_a_tool_has_a_manifest_of_its_own_in_each_version(http):
    assert (await http.get("/mcp/tool/add/manifest")).json()["version"] == "v2"
    assert (await http.get("/mcp/tool/add")).json()["version"] == "v2"
    old = await http.get("/mcp/tool/add/manifest", params={"version": "v1"})
    assert old.json()["description"] == "The old one."
    missing = await http.get("/mcp/tool/add/manifest", params={"version": "v9"})
    error_of(missing, 404, "NOT_FOUND")
    error = error_of(await http.get("/mcp/tool/ad/manifest"), 404, "NOT_FOUND")
    assert "add" in error["message"]


async def test_labels_filter_every_list(http):
    for path in LISTS:
        for label in ("team=maths", "team"):
            found = (await http.get(path, params={"label": label})).json()
            assert len(found.get("tools", found.get("paths"))) == 1, path
        none = (await http.get(path, params=[("label", "team=maths"), ("label", "x")])).json()
        assert not none.get("tools", none.get("paths"))


async def test_a_filter_that_nobody_knows_is_refused(http):
    error = error_of(await http.get("/manifest?lable=team"), 400, "INVALID_ARGUMENT")
    assert "label" in error["message"]
    many = "&".join(f"label=l{n}" for n in range(100))
    error_of(await http.get(f"/manifest?{many}"), 400, "INVALID_ARGUMENT")
    error_of(await http.get("/openai/tools?style=no"), 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("path", [*LISTS, "/mcp/tool/add/manifest"])
async def test_who_has_a_document_is_told_so_until_it_changes(http, mesh, path):
    first = await http.get(path)
    etag = first.headers["etag"]
    assert etag.startswith('"')
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = await http.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert "content-length" not in again.headers
    other = await http.get(path, headers={"if-none-match": '"x"'})
    assert (other.status_code, other.content) == (200, first.content)

    # More replicas are the same tools; another description is not.
    await added(mesh, ADD)
    assert (await http.get(path)).headers["etag"] == etag
    changed = tool_pb2.Tool()
    changed.CopyFrom(ADD)
    changed.description = "Adds."
    changed.title = "Plus"
    await added(mesh, changed)
    assert (await http.get(path)).headers["etag"] != etag


async def test_openai_functions_have_names_that_the_api_takes(http, mesh):
    await added(mesh, tool_pb2.Tool(name="far/away.tool", input_schema=orjson.dumps(POINT)))
    chat = (await http.get("/openai/tools")).json()["tools"]
    by_name = {tool["function"]["name"]: tool["function"] for tool in chat}
    assert by_name["add"]["description"] == "Adds two integers."
    assert by_name["add"]["parameters"] == orjson.loads(ADD.input_schema)
    (odd,) = (name for name in by_name if name.startswith("far"))
    assert odd.replace("-", "").replace("_", "").isalnum()
    assert len(odd) <= 64
    flat = (await http.get("/openai/tools?style=responses")).json()["tools"]
    assert {tool["name"] for tool in flat} == set(by_name)
    assert all(tool["type"] == "function" and tool["strict"] is False for tool in flat)
    assert (await http.get(f"/mcp/tool/{odd}/manifest")).json()["name"] == "far/away.tool"


async def test_the_openapi_document_is_valid_and_its_schemas_refer_to_themselves(http, mesh):
    await added(mesh, tool_pb2.Tool(name="far/away.tool", input_schema=orjson.dumps(POINT)))
    document = (await http.get("/openapi.json")).json()
    OpenAPIV31SpecValidator(document).validate()
    operation = document["paths"]["/mcp/tool/far/away.tool/invoke"]["post"]
    place = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][place.rpartition("/")[2]]
    inner = f"{place}/$defs/Point"
    assert schema["properties"]["point"] == {"$ref": inner}
    assert schema["$defs"]["Point"]["properties"]["next"] == {"$ref": inner}
    # What only looks like a reference stays.
    assert schema["properties"]["$ref"] == {"type": "string"}


async def test_a_call_is_json_in_and_json_out(http):
    response = await http.post("/mcp/tool/add/invoke", json={"a": 1, "b": 2})
    assert response.status_code == 200
    assert response.json() == {
        "isError": False,
        "content": [{"type": "text", "text": "3"}],
        "structuredContent": {"sum": 3},
    }
    empty = await http.post("/mcp/tool/echo/invoke")
    assert empty.json()["content"][0]["text"] == "{}"


async def test_a_call_takes_version_trace_correlation_and_deadline_along(http, mesh):
    headers = {
        "traceparent": TRACEPARENT,
        "tracestate": "a=1",
        "x-correlation-id": "order-1",
        "grpc-timeout": "5S",
        "idempotency-key": "k1",
    }
    response = await http.post("/mcp/tool/add/invoke?version=v1", json={"a": 1, "b": 2},
                               headers=headers)  # fmt: skip
    assert response.headers["x-correlation-id"] == "order-1"
    assert TRACEPARENT.split("-")[1] in response.headers["traceparent"]
    assert mesh.tools.requests[-1].version == "v1"
    metadata = mesh.tools.metadata[-1]
    assert TRACEPARENT.split("-")[1] in metadata["traceparent"]
    assert (metadata["tracestate"], metadata["x-correlation-id"]) == ("a=1", "order-1")
    assert metadata["idempotency-key"] == "k1"
    made = await http.post("/mcp/tool/echo/invoke", json={})
    assert made.headers["x-correlation-id"]
    assert made.headers["traceparent"].count("-") == 3


async def test_a_call_ends_with_its_deadline(http, mesh):
    late = await http.post("/mcp/tool/slow/invoke", headers={"grpc-timeout": "100m"})
    error_of(late, 504, "DEADLINE_EXCEEDED")
    await asyncio.wait_for(mesh.tools.cancelled.wait(), 10)
    bad = await http.post("/mcp/tool/slow/invoke", headers={"grpc-timeout": "soon"})
    assert "grpc-timeout" in error_of(bad, 400, "INVALID_ARGUMENT")["message"]


@pytest.mark.parametrize(
    ("tool", "status", "code", "wait"),
    [
        ("nobody", 404, "NOT_FOUND", None),
        ("no:name", 404, "NOT_FOUND", None),
        ("busy", 429, "RESOURCE_EXHAUSTED", "3"),
        ("unavailable", 503, "UNAVAILABLE", None),
        ("internal", 500, "INTERNAL", None),
        ("bad_json", 500, "INTERNAL", None),
        ("deep", 500, "INTERNAL", None),
        ("fails", 500, "TOOL_ERROR", "2"),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_failures_have_the_status_of_the_error_table(http, accept, tool, status, code, wait):
    response = await http.post(f"/mcp/tool/{tool}/invoke", headers={"accept": accept})
    if tool in ("fails",) and "event" in accept:
        ((name, told),) = events_of(response)
        assert (name, told["error"]["code"]) == ("result", code)
        return
    error = error_of(response, status, code)
    assert response.headers.get("retry-after") == wait
    assert "secret" not in error["message"]


async def test_events_come_as_they_happen_and_the_result_last(http):
    headers = {"accept": "text/event-stream", "traceparent": TRACEPARENT}
    response = await http.post("/mcp/tool/count/invoke", headers=headers)
    assert TRACEPARENT.split("-")[1] in response.headers["traceparent"]
    events = events_of(response)
    assert [name for name, _ in events[:3]] == ["progress", "log", "content"]
    assert events[0][1] == {"progress": 1, "total": 3, "message": "step 1"}
    assert events[1][1] == {"level": "info", "data": {"i": 1}}
    assert events[2][1] == {"type": "text", "text": "chunk 1"}
    assert events[-1] == (
        "result", {"isError": False, "content": [{"type": "text", "text": "done"}]},
    )  # fmt: skip


async def test_a_program_that_goes_away_cancels_its_call(http, mesh):
    for accept in ("application/json", "text/event-stream"):
        mesh.tools.started.clear()
        mesh.tools.cancelled.clear()
        asked = asyncio.create_task(http.post("/mcp/tool/slow/invoke", headers={"accept": accept}))
        await asyncio.wait_for(mesh.tools.started.wait(), 10)
        asked.cancel()
        await asyncio.wait_for(mesh.tools.cancelled.wait(), 10)


async def test_a_tool_that_asks_back_is_answered_in_an_envelope(http):
    asked = (await http.post("/mcp/tool/ask/invoke", json={})).json()["inputRequired"]
    assert asked["inputRequests"]["name"]["method"] == "elicitation/create"
    envelope = {
        "arguments": {},
        "inputResponses": {"name": {"action": "accept", "content": {"name": "Ada"}}},
        "requestState": asked["requestState"],
        "_meta": {"example.org/mine": 1},
    }
    kind = {"content-type": "application/vnd.mcpmesh.invoke+json"}
    body = orjson.dumps(envelope)
    told = await http.post("/mcp/tool/ask/invoke", content=body, headers=kind)
    assert told.json()["content"][0]["text"] == "hello Ada s1"
    forged = orjson.dumps({**envelope, "requestState": "x"})
    refused = await http.post("/mcp/tool/ask/invoke", content=forged, headers=kind)
    error_of(refused, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("body", [b"{", b"[1]", b"1", b'"a"', b"null", b"[" * 2000, b"\xff"])
async def test_what_is_no_object_is_refused(http, body):
    headers = {"content-type": "application/json"}
    response = await http.post("/mcp/tool/add/invoke", content=body, headers=headers)
    error_of(response, 400, "INVALID_ARGUMENT")


async def test_methods_and_types_that_a_path_lacks_are_told(http):
    for path in (*LISTS, "/mcp/tool/add/manifest"):
        head = await http.head(path)
        whole = await http.get(path)
        assert head.content == b""
        assert head.headers["content-length"] == str(len(whole.content))
        wrong = await http.post(path)
        error_of(wrong, 405, "UNIMPLEMENTED")
        assert wrong.headers["allow"] == "GET, HEAD, OPTIONS"
        picky = await http.get(path, headers={"accept": "text/html"})
        error_of(picky, 406, "INVALID_ARGUMENT")
        asked = await http.options(path)
        assert (asked.status_code, asked.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    wrong = await http.get("/mcp/tool/add/invoke")
    error_of(wrong, 405, "UNIMPLEMENTED")
    assert wrong.headers["allow"] == "POST, OPTIONS"
    text = {"content-type": "text/plain"}
    error_of(
        await http.post("/mcp/tool/add/invoke", content=b"{}", headers=text),
        415, "INVALID_ARGUMENT",
    )  # fmt: skip
    gzip = {"content-type": "application/json", "content-encoding": "gzip"}
    error_of(
        await http.post("/mcp/tool/add/invoke", content=b"{}", headers=gzip),
        415, "INVALID_ARGUMENT",
    )  # fmt: skip
    error_of(
        await http.post("/mcp/tool/add/invoke", headers={"accept": "text/html"}),
        406, "INVALID_ARGUMENT",
    )  # fmt: skip


async def test_a_page_from_elsewhere_is_refused(http):
    evil = {"origin": "https://evil.example"}
    error_of(await http.get("/manifest", headers=evil), 403, "PERMISSION_DENIED")
    error_of(await http.post("/mcp/tool/add/invoke", headers=evil), 403, "PERMISSION_DENIED")


async def test_the_same_key_means_the_same_call(http, mesh):
    key = {"idempotency-key": "order-1"}
    first = await http.post("/mcp/tool/add/invoke", json={"a": 1, "b": 2}, headers=key)
    again = await http.post("/mcp/tool/add/invoke", json={"a": 1, "b": 2}, headers=key)
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(mesh.tools.requests) == 1
    somebody = {**key, "authorization": "Bearer x"}
    anew = await http.post("/mcp/tool/add/invoke", json={"a": 1, "b": 2}, headers=somebody)
    assert "idempotency-replayed" not in anew.headers
    other = await http.post("/mcp/tool/add/invoke", json={"a": 1, "b": 3}, headers=key)
    error_of(other, 422, "FAILED_PRECONDITION")
    long = {"idempotency-key": "k" * 300}
    error_of(await http.post("/mcp/tool/echo/invoke", headers=long), 400, "INVALID_ARGUMENT")


async def test_the_same_key_at_the_same_time_is_one_call(http, mesh):
    key = {"idempotency-key": "order-2", "grpc-timeout": "300m"}
    calls = [http.post("/mcp/tool/slow/invoke", headers=key) for _ in range(3)]
    # None is kept that another try may mend: each of them tried.
    assert [each.status_code for each in await asyncio.gather(*calls)] == [504] * 3
    assert len(mesh.tools.requests) == 3
    key = {"idempotency-key": "order-3"}
    calls = [http.post("/mcp/tool/echo/invoke", headers=key) for _ in range(5)]
    assert {each.status_code for each in await asyncio.gather(*calls)} == {200}
    assert len(mesh.tools.requests) == 4


def test_a_query_is_what_stands_between_marks():
    assert query_of(b"/a?b=c&d#e") == b"b=c&d"
    assert query_of(b"/a") == query_of(b"/a#b?c") == b""


async def test_the_answers_to_a_tool_that_asks_go_with_the_arguments_that_it_was_called_with(http):
    first = await http.post("/mcp/tool/ask/invoke", json={"a": 1, "b": [2]})
    envelope = {
        "inputResponses": {"name": {"action": "accept", "content": {"name": "Ada"}}},
        "requestState": first.json()["inputRequired"]["requestState"],
    }
    kind = {"content-type": "application/vnd.mcpmesh.invoke+json"}
    for arguments, status in (({"b": [2], "a": 1}, 200), ({"a": 2, "b": [2]}, 400), ({}, 400)):
        body = orjson.dumps({**envelope, "arguments": arguments})
        told = await http.post("/mcp/tool/ask/invoke", content=body, headers=kind)
        assert told.status_code == status
        assert ("another call" in told.text) is (status == 400)
