"""A bridge with rules: what a client may not call is not there for it, whichever way it asks."""

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Annotated

import pytest
from pydantic import Field

from mcpmesh import TlsSettings, ToolServer
from mcpmesh.bridge.http import HttpApp
from mcpmesh.bridge.methods import Bridge
from mcpmesh.bridge.server import HttpServer
from mcpmesh.bridge.stdio import StdioConnection
from mcpmesh.config import AccessSettings, RouterSettings
from mcpmesh.model.principal import Principal
from mcpmesh.router.wiring import Router
from mcpmesh.telemetry.setup import without_exporters
from tests.unit.bridge.behind_router import ANY
from tests.unit.bridge.named_client import client_named
from tests.unit.bridge.test_http import META, initialized, message, modern, modern_headers
from tests.unit.bridge.test_listening import EVENTS, LISTEN, reading
from tests.unit.bridge.test_stdio import Pipe

RULES = AccessSettings(
    (
        '{"callers": ["spiffe://mesh/ada"], "tools": ["weather", "ping", "rates", "about*",'
        ' "prompt:about", "resource:books://all", "resource:books://*/page/*"]}',
        '{"callers": ["spiffe://mesh/root"], "tools": ["*"]}',
        '{"callers": ["*"], "tools": ["ping"]}',
    )
).rules()
ADA = ("ping", "weather")
HEADED = {"region": {"x-mcp-header": "Region"}}


def tools():
    app = ToolServer("tools")

    @app.tool
    async def ping() -> str:
        """Answer."""
        return "pong"

    @app.tool(capability="rates")
    async def weather(city: str = "") -> str:
        """Tell the weather of a city."""
        return f"rain in {city}"

    @app.tool
    async def weather_secret(
        region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "",
    ) -> str:
        """Tell the weather of a secret city."""
        return "sun"

    @app.prompt(complete={"what": lambda begun: ["all"]})
    async def about(what: str) -> str:
        return f"Tell me about {what}."

    @app.prompt(complete={"what": lambda begun: ["all"]})
    async def aboute(what: str) -> str:
        return f"Tell me the secrets of {what}."

    @app.resource("books://all")
    async def every_book() -> str:
        return "a, b"

    @app.resource("books://secret")
    async def secret() -> str:
        return "c"

    @app.resource("books://{title}/page/{number}")
    async def page(title: str, number: int) -> str:
        return f"page {number}"

    @app.resource("books://a/{section}/{number}")
    async def section(section: str, number: int) -> str:
        return "a secret page"

    return app


class Mesh:
    """A router and a bridge of the same rules in one process; `to` gives a client of a name."""

    def __init__(self, bridge, address, authority, stack, router):
        self.bridge, self.router = bridge, router
        self._address, self._authority, self._stack = address, authority, stack

    async def to(self, name=""):
        client = client_named(name, self._address, self._authority)
        return await self._stack.enter_async_context(client)


@pytest.fixture
async def mesh(authority):
    files = authority.sign("bridge", "localhost", "127.0.0.1")
    tls = TlsSettings(tls_cert=files.cert, tls_key=files.key, tls_client_ca=authority.ca)
    router = Router(RouterSettings(grpc=ANY), without_exporters(Random(1)), access=RULES)
    endpoint = await router.start()
    app = tools()
    await app.start(ANY, endpoint)
    await app.registered()
    bridge = Bridge(router.mesh, access=RULES)
    server = HttpServer(HttpApp(bridge), ANY, grace=0, tls=tls)
    try:
        async with AsyncExitStack() as stack:
            yield Mesh(bridge, await server.start(), authority, stack, endpoint)
    finally:
        await server.stop()
        await app.stop(0)
        await router.stop(0)


async def listed(http, which, path="/mcp", **params):
    headers = modern_headers(f"{which}/list")
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = message(f"{which}/list", {**params, "_meta": meta})
    return (await http.post(path, json=body, headers=headers)).json()["result"]


async def begun(http, version="2025-11-25"):
    answer = await initialized(http, version)
    return {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": version}


async def names(http, path="/mcp"):
    return [tool["name"] for tool in (await listed(http, "tools", path))["tools"]]


async def test_each_client_lists_what_it_may_call(mesh):
    ada, root, nobody = await mesh.to("ada"), await mesh.to("root"), await mesh.to()
    assert await names(ada) == ["ping", "weather"]
    assert await names(root) == ["ping", "weather", "weather_secret"]
    assert await names(nobody) == ["ping"]
    assert await names(ada, "/mcp?label=x=y") == []
    prompts = (await listed(ada, "prompts"))["prompts"]
    assert [each["name"] for each in prompts] == ["about"]
    resources = (await listed(ada, "resources"))["resources"]
    assert [each["uri"] for each in resources] == ["books://all"]
    templates = (await listed(ada, "resources/templates"))["resourceTemplates"]
    assert [each["uriTemplate"] for each in templates] == ["books://{title}/page/{number}"]


async def test_a_list_says_that_it_is_its_readers_alone(mesh):
    for name in ("ada", "root", ""):
        assert (await listed(await mesh.to(name), "tools"))["cacheScope"] == "private"


async def test_a_legacy_client_lists_what_it_may_call(mesh):
    ada = await mesh.to("ada")
    session = await begun(ada)
    answer = await ada.post("/mcp", json=message("tools/list"), headers=session)
    assert [tool["name"] for tool in answer.json()["result"]["tools"]] == ["ping", "weather"]
    called = await ada.post(
        "/mcp", json=message("tools/call", {"name": "weather_secret"}), headers=session
    )
    assert called.json()["error"]["code"] == -32602
    batch = [message("tools/list"), message("tools/call", {"name": "weather_secret"}, 2)]
    old = await begun(ada, "2025-03-26")
    both = (await ada.post("/mcp", json=batch, headers=old)).json()
    assert len(both[0]["result"]["tools"]) == 2
    assert both[1]["error"]["code"] == -32602


async def test_clients_of_the_same_rules_share_what_is_encoded(mesh):
    views, listing = mesh.bridge.views, mesh.bridge._methods[True]["tools/list"].args[0]
    others = [views.of(b"", Principal(name)) for name in ("eve", "mallory", "")]
    assert len({id(listing.pages(view)) for view in others}) == 1
    assert listing.pages(views.of(b"", Principal("spiffe://mesh/root"))) is listing.pages(None)


async def told(http, method, params, **more):
    answer = await modern(http, method, params, **more)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


async def test_a_call_of_what_may_not_be_called_is_one_of_an_unknown_tool(mesh):
    ada, nobody = await mesh.to("ada"), await mesh.to()
    answer = (await modern(ada, "tools/call", {"name": "weather", "arguments": {}})).json()
    assert answer["result"]["content"][0]["text"] == "rain in "
    for http, forbidden, missing in (
        (ada, "weather_secret", "weather_secrex"),
        (nobody, "weather", "weatger"),
    ):
        hidden = await told(http, "tools/call", {"name": forbidden})
        absent = await told(http, "tools/call", {"name": missing})
        assert hidden[:2] == absent[:2] == (400, -32602)
        assert hidden[2].replace(forbidden, "") == absent[2].replace(missing, "")
    # Nor does a name that a rule allows, and nobody has, bring forth a hint at others.
    assert "aboute" not in (await told(ada, "tools/call", {"name": "about_"}))[2]
    assert "weather_secret" not in (await told(ada, "tools/call", {"name": "weather_secre"}))[2]


async def test_a_capability_may_be_called_by_its_name(mesh):
    ada, nobody = await mesh.to("ada"), await mesh.to()
    answer = (await modern(ada, "tools/call", {"name": "rates", "arguments": {}})).json()
    assert answer["result"]["content"][0]["text"] == "rain in "
    assert (await told(nobody, "tools/call", {"name": "rates"}))[1] == -32602


async def test_the_headers_that_a_hidden_tool_wants_are_not_told(mesh):
    root, ada = await mesh.to("root"), await mesh.to("ada")
    params = {"name": "weather_secret", "arguments": {"region": "x"}}
    assert (await told(root, "tools/call", params))[1] == -32020
    assert (await told(ada, "tools/call", params))[1] == -32602


async def test_prompts_and_resources_that_may_not_be_had_are_unknown(mesh):
    ada = await mesh.to("ada")
    read = await modern(
        ada, "resources/read", {"uri": "books://a/page/3"},
        modern_headers("resources/read", "books://a/page/3"),
    )  # fmt: skip
    assert read.json()["result"]["contents"][0]["text"] == "page 3"
    got = await modern(ada, "prompts/get", {"name": "about", "arguments": {"what": "x"}})
    assert "messages" in got.json()["result"]
    hidden = await told(ada, "prompts/get", {"name": "aboute"})
    assert hidden == await told(ada, "prompts/get", {"name": "aboute"})
    assert hidden[:2] == (400, -32602)
    assert "unknown prompt 'aboute'; did you mean about" in hidden[2]
    for uri in ("books://secret", "books://a/cover/3"):
        headers = modern_headers("resources/read", uri)
        answer = await told(ada, "resources/read", {"uri": uri}, headers=headers)
        assert answer[1:] == (-32602, f"there is no resource {uri!r}")
    argument = {"name": "what", "value": ""}
    for name, right in (("about", True), ("aboute", False)):
        params = {"ref": {"type": "ref/prompt", "name": name}, "argument": argument}
        headers = modern_headers("completion/complete")
        answer = await modern(ada, "completion/complete", params, headers)
        assert ("result" in answer.json()) is right
    session = await begun(ada)
    for uri, right in (("books://all", True), ("books://secret", False)):
        body = message("resources/subscribe", {"uri": uri})
        answer = await ada.post("/mcp", json=body, headers=session)
        assert ("result" in answer.json()) is right


async def test_the_compact_list_searches_describes_and_calls_what_is_there(mesh):
    ada = await mesh.to("ada")
    url = "/mcp?compact=1&pin=call_tool&pin=weather_secret"
    assert await names(ada, url) == ["call_tool", "describe_tool", "search_tools"]

    async def called(tool, **arguments):
        params = {"name": tool, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }}  # fmt: skip
        body = message("tools/call", params)
        answer = await ada.post(url, json=body, headers=modern_headers("tools/call", tool))
        return answer.json()["result"]

    found = await called("search_tools", query="weather of a city", limit=5)
    assert [each["name"] for each in found["structuredContent"]["tools"]] == ["weather"]
    assert (await called("describe_tool", name="weather"))["structuredContent"]["name"] == "weather"
    for tool in ("describe_tool", "call_tool"):
        hidden = await called(tool, name="weather_secret")
        assert hidden["isError"]
        assert "no tool 'weather_secret'; did you mean weather" in hidden["content"][0]["text"]
    assert (await called("call_tool", name="ping"))["content"][0]["text"] == "pong"


async def test_documents_have_what_may_be_called(mesh):
    for name, wanted in (("ada", ADA), ("root", (*ADA, "weather_secret")), ("", ("ping",))):
        http = await mesh.to(name)
        manifest = (await http.get("/manifest")).json()
        assert tuple(tool["name"] for tool in manifest["tools"]) == wanted
        functions = (await http.get("/openai/tools")).json()
        assert tuple(each["function"]["name"] for each in functions["tools"]) == wanted
        paths = (await http.get("/openapi.json")).json()["paths"]
        invokes = sorted(path.split("/")[3] for path in paths if path.endswith("/invoke"))
        assert tuple(invokes) == wanted


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_over_plain_http_what_may_not_be_called_is_404_like_what_nobody_has(mesh, accept):
    ada = await mesh.to("ada")
    headers = {"accept": accept}

    async def called(name):
        return await ada.post(f"/mcp/tool/{name}/invoke", json={}, headers=headers)

    assert (await called("ping")).status_code == 200
    hidden, absent = await called("weather_secret"), await called("weather_secrex")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.json() == {
        "error": {
            **absent.json()["error"],
            "message": "no tool 'weather_secret'; did you mean weather?",
        }
    }
    documents = [
        await ada.get(f"/mcp/tool/{name}/manifest") for name in ("weather_secret", "weather_secrex")
    ]
    assert [each.status_code for each in documents] == [404, 404]


async def test_the_client_on_stdio_proves_nothing(mesh):
    pipe = Pipe()
    serving = asyncio.create_task(StdioConnection(mesh.bridge, pipe.write).serve(pipe.lines))
    pipe.send(id=1, method="initialize", params={"protocolVersion": "2025-11-25"})
    await pipe.hear()
    pipe.send(id=2, method="tools/list")
    assert [tool["name"] for tool in (await pipe.hear())["result"]["tools"]] == ["ping"]
    pipe.send(id=3, method="tools/call", params={"name": "weather"})
    assert (await pipe.hear())["error"]["code"] == -32602
    pipe.reader.feed_eof()
    await asyncio.wait_for(serving, 10)


async def test_nobody_is_told_of_changes_of_what_it_may_not_call(mesh):
    ada, root = await mesh.to("ada"), await mesh.to("root")
    wanted = {"toolsListChanged": True, "promptsListChanged": True}
    body = message(LISTEN, {"notifications": wanted, "_meta": META}, "s1")
    headers = {**modern_headers(LISTEN), **EVENTS}
    later = ToolServer("later")
    later.prompt(name="secrets")(lambda: "secrets")
    later.tool(name="about_it")(lambda: "this")
    async with (
        ada.stream("POST", "/mcp", json=body, headers=headers) as to_ada,
        root.stream("POST", "/mcp", json=body, headers=headers) as to_root,
    ):
        adas, roots = reading(to_ada), reading(to_root)
        await anext(adas)
        await anext(roots)
        await later.start(ANY, mesh.router)
        try:
            await later.registered()
            # Of changes that come together the prompts are told first.
            assert (await anext(adas))["method"] == "notifications/tools/list_changed"
            heard = [(await anext(roots))["method"] for _ in range(2)]
        finally:
            await later.stop(0)
    assert heard == [f"notifications/{each}/list_changed" for each in ("prompts", "tools")]
