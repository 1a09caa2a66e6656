"""The Petstore, adopted by its document: its tools give what direct calls give."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from mcp.client.client import Client
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from mcpmesh.adopt.copy import State
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.openapi_upstream import OpenApiService, OpenApiUpstream
from mcpmesh.adopt.upstream import UpstreamFailed
from tests.integration.adopt.adopted import adopting, client_of, mesh
from tests.integration.adopt.petstore_server import KEY, TOKEN, Petstore, served

PETSTORE = Path(__file__).parent / "petstore.yaml"
SECRETS = {"petstore_auth": TOKEN, "api_key": KEY}
REX = {
    "id": 7,
    "name": "Rex",
    "category": {"id": 1, "name": "Dogs"},
    "photoUrls": ["https://pets.example/rex.png"],
    "tags": [{"id": 3, "name": "good"}],
    "status": "available",
}


def petstore(url: str, **settings: Any) -> OpenApiUpstream:
    settings = {"secrets": SECRETS, "base_url": f"{url}/api/v3", **settings}
    return OpenApiUpstream(OpenApiService("petstore", str(PETSTORE), **settings), Naming())


@asynccontextmanager
async def adopted(**settings: Any) -> AsyncIterator[tuple[Client, httpx2.AsyncClient, Petstore]]:
    """Adopt one store; yield the MCP client, a client straight to the store, and the store."""
    store = Petstore()
    async with (
        served(store.app) as url,
        client_of([petstore(url, **settings)]) as (client, _),
        httpx2.AsyncClient(base_url=f"{url}/api/v3") as direct,
    ):
        yield client, direct, store


async def test_every_operation_is_a_tool_with_schemas() -> None:
    async with adopted() as (client, *_):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert len(tools) == 19
    add = tools["addPet"]
    assert (add.title, add.description) == ("POST /pet", "Adds a pet to the store.")
    assert add.input_schema["required"] == ["body"]
    pet = add.input_schema["properties"]["body"]
    assert pet["required"] == ["name", "photoUrls"]
    assert pet["properties"]["category"]["properties"]["name"] == {"type": "string"}
    assert add.output_schema is not None
    assert add.output_schema["required"] == ["name", "photoUrls"]
    get = tools["getPetById"]
    assert get.annotations is not None
    assert get.annotations.read_only_hint
    assert get.input_schema["properties"]["petId"]["description"] == "The id of the pet."
    shown = json.dumps([tool.model_dump(mode="json") for tool in tools.values()])
    assert "example" not in shown
    assert TOKEN not in shown


async def test_tools_give_what_direct_calls_give() -> None:
    async with adopted() as (client, direct, store):
        added = await client.call_tool("addPet", {"body": REX})
        assert added.structured_content == REX == store.pets[7]
        got = await client.call_tool("getPetById", {"petId": 7})
        assert got.structured_content == (await direct.get("/pet/7")).json()
        for tool, arguments, url in (
            ("findPetsByStatus", {"status": "available"}, "/pet/findByStatus?status=available"),
            ("findPetsByTags", {"tags": ["bad", "good"]}, "/pet/findByTags?tags=bad&tags=good"),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.structured_content == {"result": (await direct.get(url)).json()}
            assert result.structured_content["result"] == [REX]
        counted = await client.call_tool("getInventory", {})
        assert counted.structured_content == {"available": 1}
        renamed = await client.call_tool(
            "updatePetWithForm", {"petId": 7, "name": "Rex & Söhne", "status": "sold"}
        )
        assert renamed.structured_content == {**REX, "name": "Rex & Söhne", "status": "sold"}
        gone = await client.call_tool("deletePet", {"petId": 7})
        assert (gone.is_error, gone.content) == (False, [])
        assert store.pets == {}


async def test_bodies_are_written_as_the_document_says() -> None:
    async with adopted() as (client, direct, store):
        image = {"petId": 7, "additionalMetadata": "a=b&c", "body": b64encode(b"12345").decode()}
        uploaded = await client.call_tool("uploadFile", image)
        user = {"username": "ada", "email": "a+b@c.d", "password": "secret", "userStatus": 1}
        made = await client.call_tool("createUser", {"body": user})
        many = await client.call_tool("createUsersWithListInput", {"body": [{"username": "bo"}]})
        ordered = await client.call_tool("placeOrder", {"body": {"petId": 7, "quantity": 2}})
        session = await client.call_tool("loginUser", {"username": "ada", "password": "x y"})
        user_direct = (await direct.get("/user/ada")).json()
        deleted = await client.call_tool("deleteOrder", {"orderId": 1})
    assert uploaded.structured_content == {
        "code": 200, "type": "application/octet-stream", "message": "a=b&c: 5 bytes"
    }  # fmt: skip
    assert not made.is_error
    assert user_direct == {key: str(each) for key, each in user.items()}
    assert many.structured_content == {"username": "bo"}
    assert ordered.structured_content == {"id": 1, "shipDate": None, "petId": 7, "quantity": 2}
    assert session.structured_content == {"result": "session of ada"}
    assert (deleted.is_error, store.orders) == (False, {})


@pytest.mark.parametrize(
    ("tool", "arguments", "named"),
    [
        ("getPetById", {}, "petId"),
        ("getPetById", {"petId": "seven"}, "petId"),
        ("getPetById", {"petId": 7, "pet": 1}, "pet"),
        ("addPet", {"body": {"name": "a"}}, "photoUrls"),
        ("placeOrder", {"body": {"quantity": 0}}, "body.quantity"),
        ("findPetsByStatus", {"status": "dead"}, "status"),
        ("uploadFile", {"petId": 1, "body": "no base64!"}, "base64"),
        ("getUserByName", {"username": ".."}, "username"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_by_name(
    tool: str, arguments: dict[str, Any], named: str
) -> None:
    async with adopted() as (client, *_):
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert named in result.content[0].text
    assert result.meta["mcpmesh/error"]["code"] == "INVALID_ARGUMENT"


async def test_statuses_are_tool_errors_and_show_no_secret() -> None:
    async with adopted() as (client, *_):
        missing = await client.call_tool("getPetById", {"petId": 9})
        assert (
            missing.content[0].text == 'GET /pet/{petId}: 404 Not Found\n{"message":"no such pet"}'
        )
        assert missing.meta["mcpmesh/error"]["code"] == "NOT_FOUND"
    wrong = {"petstore_auth": "wr0ng-secret", "api_key": KEY}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(Petstore().app))
        service = OpenApiService("p", str(PETSTORE), f"{url}/api/v3", secrets=wrong)
        upstream = OpenApiUpstream(service, Naming())
        client, _ = await stack.enter_async_context(client_of([upstream]))
        refused = await client.call_tool("addPet", {"body": REX})
    assert refused.content[0].text == "POST /pet: 401 Unauthorized\nwho is Bearer ***?"
    assert "wr0ng-secret" not in repr(service)


async def test_patterns_choose_by_id_by_path_and_by_tag() -> None:
    async with adopted(only=("get*", "POST /pet/*", "tag:store")) as (client, *_):
        names = {tool.name for tool in (await client.list_tools()).tools}
    assert names == {
        "getPetById", "getInventory", "getOrderById", "getUserByName", "updatePetWithForm",
        "uploadFile", "placeOrder", "deleteOrder",
    }  # fmt: skip


ODD = {
    "openapi": "3.1.0",
    "info": {"title": "odd", "version": "1"},
    "paths": {
        "/odd/{what}": {
            "get": {
                "operationId": "odd",
                "parameters": [
                    {"name": "what", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {
                    "200": {
                        "description": "A pet",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"id": {"type": ["integer", "null"]}},
                                    "required": ["id"],
                                }
                            }
                        },
                    }
                },
            },
            "post": {
                "operationId": "free",
                "parameters": [
                    {"name": "what", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
            },
        }
    },
}


@asynccontextmanager
async def odd(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[Client, Petstore]]:
    document = tmp_path / "odd.json"
    document.write_text(json.dumps(ODD))
    store = Petstore()
    async with served(store.app) as url:
        service = OpenApiService("odd", str(document), f"{url}/api/v3", **settings)
        async with client_of([OpenApiUpstream(service, Naming())]) as (client, _):
            yield client, store


@pytest.mark.parametrize(
    ("what", "said", "code"),
    [
        ("undeclared", "does not declare: id: 'not a number'", "INTERNAL"),
        ("text", "text/plain instead of JSON\nThe answer: not JSON", "INTERNAL"),
        ("broken", "no JSON, which it said it is", "INTERNAL"),
        ("huge", "more than 1048576 bytes; ask for less", "RESOURCE_EXHAUSTED"),
        ("bomb", "more than 1048576 bytes; ask for less", "RESOURCE_EXHAUSTED"),
        ("elsewhere", "307 Temporary Redirect: it refers to http://elsewhere.ex", "INVALID_ARGUM"),
        ("busy", "429 Too Many Requests\ntoo many", "RESOURCE_EXHAUSTED"),
        ("broke", "500 Internal Server Error\na stack trace", "UNKNOWN"),
        ("away", "503 Service Unavailable\nclosed for lunch", "UNAVAILABLE"),
    ],
)
async def test_answers_that_no_server_should_give_are_clear_errors(
    tmp_path: Path, what: str, said: str, code: str
) -> None:
    async with odd(tmp_path) as (client, _):
        result = await client.call_tool("odd", {"what": what})
    assert result.is_error
    assert said in result.content[0].text
    assert result.meta["mcpmesh/error"]["code"].startswith(code)


async def test_what_is_no_json_is_content_and_a_hanging_server_is_left(tmp_path: Path) -> None:
    async with odd(tmp_path, call_timeout=1.0) as (client, store):
        image = await client.call_tool("free", {"what": "image"})
        late = await client.call_tool("free", {"what": "hang"})
        async with asyncio.timeout(10):
            await store.left.wait()
    assert image.content[0].mime_type == "image/png"
    assert late.is_error
    assert late.meta["mcpmesh/error"]["code"] == "DEADLINE_EXCEEDED"


async def test_a_cancelled_call_is_cancelled_at_the_server(tmp_path: Path) -> None:
    async with odd(tmp_path) as (client, store):
        call = asyncio.create_task(client.call_tool("free", {"what": "hang"}))
        async with asyncio.timeout(10):
            await store.waiting.wait()
            call.cancel()
            await store.left.wait()


async def test_a_lost_copy_loses_no_later_call_and_comes_back() -> None:
    one, two = Petstore(), Petstore()
    async with AsyncExitStack() as stack, served(one.app) as kept, mesh() as running:
        second = await stack.enter_async_context(AsyncExitStack())
        lost = await second.enter_async_context(served(two.app))
        await stack.enter_async_context(adopting(running, [petstore(kept), petstore(lost)]))
        await running.until_ready("addPet", 2)
        client = await stack.enter_async_context(Client(running.url))
        while not (one.calls and two.calls):
            await client.call_tool("addPet", {"body": REX})
        await second.aclose()
        for _ in range(20):
            result = await client.call_tool("addPet", {"body": REX})
            assert not result.is_error, result
        await running.until(State.SERVING, State.AWAY)
        before = two.calls
        async with served(two.app, int(lost.rpartition(":")[2])):
            await running.until_ready("addPet", 2)
            async with asyncio.timeout(10):
                while two.calls == before:
                    await client.call_tool("addPet", {"body": REX})


async def test_a_document_is_read_from_a_url_and_says_where_the_api_is() -> None:
    store = Petstore()
    served_document = Route("/openapi.yaml", lambda request: Response(PETSTORE.read_bytes()))
    app = Starlette(routes=[served_document, Mount("/", store.app)])
    async with served(app) as url:
        service = OpenApiService("petstore", f"{url}/openapi.yaml", secrets=SECRETS)
        async with client_of([OpenApiUpstream(service, Naming("shop"))]) as (client, _):
            added = await client.call_tool("shop_addPet", {"body": REX})
    assert added.structured_content == REX


@pytest.mark.parametrize(
    ("document", "settings", "said"),
    [
        ("{", {}, "neither JSON nor YAML"),
        ("[1]", {}, "no object"),
        ("swagger: '2.0'", {}, "says swagger 2.0"),
        ("openapi: 3.0.0\npaths: 3", {}, "paths is no object"),
        ("openapi: 3.0.0", {"only": ("a*",)}, "'a\\*' fits none of its operations: it has nothing"),
        ("openapi: 3.0.0", {"secrets": {"k": "v"}}, "no security scheme 'k'"),
        ("openapi: 3.0.0", {"base_url": ""}, "give its base URL"),
        ("a: &a [1, 1]\n" + "".join(
            f"{n}: &{n} [{', '.join(['*' + p] * 9)}]\n"
            for p, n in zip("abcdefgh", "bcdefghi", strict=True)
        ), {}, "too many values"),
    ],
)  # fmt: skip
async def test_a_document_that_cannot_be_used_says_why(
    tmp_path: Path, document: str, settings: dict[str, Any], said: str
) -> None:
    file = tmp_path / "api.yaml"
    file.write_text(document)
    async with served(Petstore().app) as url:
        service = OpenApiService("api", str(file), **{"base_url": url, **settings})
        with pytest.raises(UpstreamFailed, match=said) as failed:
            await _connect(service)
    assert failed.value.final


async def test_what_is_not_there_is_told_from_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UpstreamFailed, match="cannot read") as failed:
        await _connect(OpenApiService("api", str(tmp_path / "none.yaml")))
    assert failed.value.final
    async with served(Petstore().app) as url:
        pass
    with pytest.raises(UpstreamFailed, match="cannot be connected to") as failed:
        await _connect(OpenApiService("api", str(PETSTORE), url))
    assert not failed.value.final
    with pytest.raises(UpstreamFailed, match="cannot get"):
        await _connect(OpenApiService("api", f"{url}/openapi.json"))


async def _connect(service: OpenApiService) -> None:
    async with OpenApiUpstream(service, Naming()).connect():
        pass


def test_the_petstore_document_is_the_yaml_that_it_says() -> None:
    assert yaml.safe_load(PETSTORE.read_text())["openapi"] == "3.0.4"
