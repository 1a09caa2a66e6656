"""The official Petstore documents, adopted: every operation as a tool gives what it gives directly.

Two stores begin alike; one is called by tools through bridge and router, the other over HTTP. After
every step their answers, what came to them and what they hold are the same. The documents are
installed by `make interop-adopt`; without them these tests are skipped.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client

from mcpmesh.adopt.kinds import upstreams_of
from tests.installed import Missing
from tests.integration.adopt.adopted import client_of
from tests.integration.adopt.official_store import KEY, TOKEN, OfficialStore, to_xml
from tests.integration.adopt.official_walk import ADA, BIG, REX, Step, steps
from tests.integration.adopt.petstore_server import served
from tests.integration.adopt.real_servers import petstore_document

VERSIONS = ("3.0", "3.1")


@dataclass
class Twins:
    """Two stores: `client` calls the tools of one, `direct` the other over HTTP."""

    client: Client
    direct: httpx2.AsyncClient
    by_tools: OfficialStore
    by_hand: OfficialStore


@asynccontextmanager
async def twins(document: Path) -> AsyncIterator[Twins]:
    by_tools, by_hand = OfficialStore(), OfficialStore()
    async with served(by_tools.app) as adopted, served(by_hand.app) as other:
        table = {
            "kind": "openapi",
            "document": str(document),
            "base_url": f"{adopted}/v2",
            "secrets": {"petstore_auth": "${PETS_TOKEN}", "api_key": "${PETS_KEY}"},
        }
        environ = {"PETS_TOKEN": TOKEN, "PETS_KEY": KEY}
        async with (
            client_of(upstreams_of("petstore", table, environ)) as (client, _),
            httpx2.AsyncClient(base_url=f"{other}/v2", headers={"accept": "*/*"}) as direct,
        ):
            yield Twins(client, direct, by_tools, by_hand)


def document_or_skip(version: str) -> Path:
    try:
        return petstore_document(version)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_operation_gives_what_a_direct_call_gives(version: str) -> None:
    document = document_or_skip(version)
    operations = {
        operation["operationId"]
        for item in json.loads(document.read_text())["paths"].values()
        for operation in item.values()
    }
    walk = steps(version)
    assert {step.tool for step in walk} == operations
    async with twins(document) as run:
        assert {tool.name for tool in (await run.client.list_tools()).tools} == operations
        for step in walk:
            result = await run.client.call_tool(step.tool, step.arguments)
            options = {**step.options, "headers": step.headers}
            answer = await run.direct.request(step.method, step.path, **options)
            assert answer.status_code == step.status, (step, answer.text)
            same_answer(step, result, answer)
            assert run.by_tools == run.by_hand, step
    assert len(run.by_tools.seen) == len(walk)


def same_answer(step: Step, result: Any, answer: httpx2.Response) -> None:
    assert result.is_error == (answer.status_code >= 400), (step, result)
    if result.is_error:
        status = f"{answer.status_code} {answer.reason_phrase}"
        assert result.content[0].text.endswith(f": {status}\n{answer.text}"), result
    elif answer.content:
        value = answer.json()
        structured = value if isinstance(value, dict) else {"result": value}
        assert result.structured_content == structured, step
        assert json.loads(result.content[0].text) == value
    else:
        assert (result.content, result.structured_content) == ([], None), step


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_the_document_forbids_is_never_sent(version: str) -> None:
    async with twins(document_or_skip(version)) as run:
        for tool, arguments, named in (
            ("getOrderById", {"orderId": 11}, "orderId"),
            ("deleteOrder", {"orderId": 0}, "orderId"),
            ("findPetsByStatus", {"status": ["dead"]}, "status"),
            ("findPetsByStatus", {}, "status"),
            ("addPet", {"body": {"name": "a"}}, "photoUrls"),
            ("placeOrder", {"body": {"status": "lost"}}, "status"),
            ("createUsersWithListInput", {"body": ADA}, "body"),
        ):
            result = await run.client.call_tool(tool, arguments)
            assert result.is_error
            assert named in result.content[0].text
    assert not run.by_tools.seen


@pytest.mark.parametrize("version", VERSIONS)
async def test_where_a_document_has_xml_alone_it_is_sent_and_given(
    version: str, tmp_path: Path
) -> None:
    document = json.loads(document_or_skip(version).read_text())
    only_xml = tmp_path / "petstore.json"
    only_xml.write_text(json.dumps(without_json(document)))
    pet = to_xml("Pet", REX)
    sent, asked = {"content-type": "application/xml"}, {"accept": "application/xml"}
    token, key = {"authorization": f"Bearer {TOKEN}"}, {"api_key": KEY}
    async with twins(only_xml) as run:
        added = await run.client.call_tool("addPet", {"body": pet.decode()})
        answer = await run.direct.post("/pet", content=pet, headers={**sent, **token})
        assert run.by_tools == run.by_hand
        assert run.by_tools.pets == {BIG: REX}
        assert added.structured_content == answer.json()
        got = await run.client.call_tool("getPetById", {"petId": BIG})
        answer = await run.direct.get(f"/pet/{BIG}", headers={**asked, **key})
    assert got.content[0].text == answer.text == pet.decode()
    assert got.structured_content is None


def without_json(value: Any) -> Any:
    """Leave application/json out of every content that has XML too."""
    if isinstance(value, list):
        return [without_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    left = {"application/json"} if "application/xml" in value else set()
    return {key: without_json(each) for key, each in value.items() if key not in left}
