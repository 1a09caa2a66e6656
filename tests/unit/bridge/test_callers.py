"""Clients that prove who they are: what one of them was given is good for nobody else."""

from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from mcpmesh import TlsSettings, ToolContext
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.config.bridge import BridgeSettings
from tests.unit.bridge.behind_router import ANY, mesh_of
from tests.unit.bridge.named_client import client_named
from tests.unit.bridge.test_http import JSON, message, modern
from tests.unit.bridge.test_http_sse import Channel
from tests.unit.bridge.test_legacy_asks import ACCEPT, asker, session

KEY = "a key that bridges share"
CAN = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
NAMES = ("localhost", "127.0.0.1")


class Doors:
    """Two bridges of one key and one mesh; `to` gives a client of one of them, by its name."""

    def __init__(self, authority, addresses, stack):
        self.bridge = None
        self._authority = authority
        self._addresses = addresses
        self._stack = stack

    async def to(self, place, name=""):
        client = client_named(name, self._addresses[place], self._authority)
        return await self._stack.enter_async_context(client)


@asynccontextmanager
async def door(mesh, tls):
    settings = BridgeSettings(session_key=KEY, sse=True)
    server = HttpServer(HttpApp(Bridge(mesh.bridge.mesh, settings)), ANY, grace=0, tls=tls)
    try:
        yield await server.start()
    finally:
        await server.stop()


@pytest.fixture
async def doors(authority):
    files = authority.sign("bridge", *NAMES)
    tls = TlsSettings(tls_cert=files.cert, tls_key=files.key, tls_client_ca=authority.ca)
    app = asker()

    @app.tool
    async def whoami(ctx: ToolContext) -> str:
        return ctx.caller

    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(mesh_of(app))
        addresses = [await stack.enter_async_context(door(mesh, tls)) for _ in range(2)]
        yield Doors(authority, addresses, stack)


@pytest.mark.parametrize("other", ["eve", ""], ids=["another", "nobody"])
async def test_a_session_is_its_callers_alone_on_every_bridge(doors, other):
    ada, away = await doors.to(0, "ada"), await doors.to(1, "ada")
    headers = {**ACCEPT, **await session(ada)}
    listen = {**headers, "accept": "text/event-stream"}
    for place in (0, 1):
        eve = await doors.to(place, other)
        for answer in (
            await eve.post("/mcp", json=message("ping"), headers=headers),
            await eve.post("/mcp", json=[message("ping")], headers=headers),
            await eve.post("/mcp", json={"jsonrpc": "2.0", "method": "n"}, headers=headers),
            await eve.get("/mcp", headers=listen),
            await eve.delete("/mcp", headers=headers),
        ):
            assert answer.status_code == 404
            assert "initialize again" in answer.json()["error"]["message"]
    for client in (ada, away):
        answer = await client.post("/mcp", json=message("ping"), headers=headers)
        assert answer.json()["result"] == {}


async def test_a_session_of_who_proved_nothing_is_not_taken_over_by_who_did(doors):
    nobody = await doors.to(0)
    headers = {**ACCEPT, **await session(nobody)}
    ada = await doors.to(1, "ada")
    answer = await ada.post("/mcp", json=message("ping"), headers=headers)
    assert answer.status_code == 404
    for place in (0, 1):
        other = await doors.to(place)
        answer = await other.post("/mcp", json=message("ping"), headers=headers)
        assert answer.json()["result"] == {}


@pytest.mark.parametrize("other", ["eve", ""], ids=["another", "nobody"])
async def test_the_state_of_a_tool_that_asks_is_its_callers_alone(doors, other):
    params = {"name": "order"}
    asked = (await modern(await doors.to(0, "ada"), "tools/call", params, **CAN)).json()["result"]
    said = {"what": {"action": "accept", "content": {"answer": "tea"}}}
    params |= {"inputResponses": said, "requestState": asked["requestState"]}
    for place in (0, 1):
        refused = await modern(await doors.to(place, other), "tools/call", params, **CAN)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (400, -32602)
        assert "for this caller" in error["message"]
    for place in (0, 1):
        told = await modern(await doors.to(place, "ada"), "tools/call", params, **CAN)
        assert list(told.json()["result"]["inputRequests"]) == ["many"]


async def test_the_state_of_a_call_over_plain_http_is_its_callers_alone(doors):
    path, kind = "/mcp/tool/order/invoke", "application/vnd.mcpmesh.invoke+json"
    asked = (await (await doors.to(0, "ada")).post(path, json={})).json()["inputRequired"]
    said = {"what": {"action": "accept", "content": {"answer": "tea"}}}
    body = {"inputResponses": said, "requestState": asked["requestState"]}
    answers = {}
    for name in ("eve", "ada"):
        client = await doors.to(1, name)
        answers[name] = await client.post(path, json=body, headers={"content-type": kind})
    assert answers["eve"].status_code == 400
    assert answers["eve"].json()["error"]["code"] == "INVALID_ARGUMENT"
    assert list(answers["ada"].json()["inputRequired"]["inputRequests"]) == ["many"]


async def test_an_idempotency_key_of_one_caller_is_not_anothers(doors):
    again = {"idempotency-key": "k"}
    said = {}
    for name in ("ada", "eve", "ada"):
        client = await doors.to(0, name)
        answer = await client.post("/mcp/tool/whoami/invoke", json={}, headers=again)
        said[name] = answer.json()["structuredContent"], answer.headers.get("idempotency-replayed")
    assert said["eve"] == ({"result": "spiffe://mesh/eve"}, None)
    assert said["ada"] == ({"result": "spiffe://mesh/ada"}, "true")


async def test_a_tool_knows_the_caller_by_its_certificate_not_by_what_it_says(doors):
    told = {}
    for name in ("ada", ""):
        client = await doors.to(0, name)
        info = {"io.modelcontextprotocol/clientInfo": {"name": "the king", "version": "1"}}
        answer = await modern(client, "tools/call", {"name": "whoami"}, **info)
        told[name] = answer.json()["result"]["content"][0]["text"]
    assert told == {"ada": "spiffe://mesh/ada", "": "the king/1"}


async def test_the_place_of_a_stream_of_2024_is_its_callers_alone(doors):
    ada = await doors.to(0, "ada")
    async with ada.stream("GET", "/sse", headers={"accept": "text/event-stream"}) as answer:
        channel = Channel(answer)
        place = await channel.next()
        for client, status in ((await doors.to(0, "eve"), 404), (await doors.to(0, "ada"), 202)):
            taken = await client.post(place, json=message("ping", {}, 7), headers=JSON)
            assert taken.status_code == status
        assert (await channel.next())["id"] == 7
