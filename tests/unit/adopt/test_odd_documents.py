"""What others wrote, changed at random: it is read, or refused with a sentence, and never hangs."""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import orjson
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mcpmesh.adopt.container_answer import chunk_of, failed, result_of
from mcpmesh.adopt.container_calls import ContainerCalls
from mcpmesh.adopt.container_manifest import ContainedTool, tools_in
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.openapi_answer import Declared, HttpAnswer
from mcpmesh.adopt.openapi_calls import HttpCalls
from mcpmesh.adopt.openapi_document import read_document
from mcpmesh.adopt.openapi_operation import operations_of
from mcpmesh.adopt.openapi_request import request_of
from mcpmesh.adopt.openapi_security import Proof, keys_of
from mcpmesh.adopt.openapi_tools import Bases, tools_of
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.errors import InvalidCall
from mcpmesh.sdk.arguments import read_object
from mcpmesh.sdk.failure import Refused, ToolFailure
from mcpmesh.sdk.offered import offered
from tests.unit.adopt.mutation import CONTENT, ODD, mutated

PETSTORE = Path(__file__).parents[2] / "integration" / "adopt" / "petstore.yaml"
DOCUMENT: Any = yaml.safe_load(PETSTORE.read_text())
#: Small enough that a mutation mostly hits what matters.
PATHS = ("/pet", "/pet/{petId}", "/pet/{petId}/uploadImage", "/store/order", "/pet/findByTags")
SMALL: Any = {
    **DOCUMENT,
    "paths": {each: DOCUMENT["paths"][each] for each in PATHS},
}
REFUSALS = (InvalidCall, UpstreamFailed)
FAILURES = (ToolFailure, Refused)
seeds = st.integers(0, 2**32).map(Random)
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger = logging.getLogger("mcpmesh.adopt")
    before = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(before)


def use(document: bytes, rng: Random) -> None:
    """Do all that is done with a document, until a request goes out."""
    read = read_document(document, "drawn")
    keys = keys_of(read, {"api_key": "k"}, "drawn") if rng.random() < 0.5 else keys_of(read, {}, "")
    operations = list(operations_of(read, "drawn"))
    client = httpx2.AsyncClient()
    calls = HttpCalls(client, "http://127.0.0.1:1", {}, (), 1000, print)
    bases = Bases("", read, "http://127.0.0.1:1/openapi.json")
    for tool in tools_of(operations, calls, keys, bases, Naming("a"), {}):
        Draft202012Validator.check_schema(orjson.loads(tool.tool.input_schema))
    for operation in operations:
        names = [*operation.input_schema["properties"], "other"]
        arguments = read_object(json_of({name: rng.choice(ODD) for name in names}))
        with suppress(*FAILURES):
            request = request_of(operation, arguments, Proof())
            client.build_request(request.method, "http://a" + request.target)
        body = json_of(rng.choice(ODD))
        with suppress(*FAILURES):
            declared = Declared("GET /", operation.result)
            declared.result(HttpAnswer(200, "OK", "application/json", body), 0.0)


@quick
@given(seeds)
def test_documents_of_openapi(rng: Random) -> None:
    document = json_of(mutated(SMALL, rng))
    with suppress(*REFUSALS):
        use(document, rng)


@quick
@given(seeds)
def test_documents_of_openapi_as_text(rng: Random) -> None:
    text = bytearray(yaml.safe_dump(SMALL).encode())
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(text))
        if rng.random() < 0.5:
            text[place : place + rng.randint(0, 40)] = rng.choice(
                (b"", b"&a ", b"*a", b"? ", b"- ", b"!!python/object:x ", b"\t", b"\xff", b"<<: ")
            )
        else:
            text[place] = rng.randrange(256)
    with suppress(*REFUSALS):
        use(bytes(text), rng)


MANIFEST: Any = {
    "tools": [
        {
            "name": "find",
            "description": "Finds.",
            "title": "Find",
            "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
            "outputSchema": {"type": "object", "required": ["b"]},
            "annotations": {"readOnlyHint": True, "title": "F"},
            "version": "2",
            "labels": {"team": "a"},
            "timeout": 3,
            "invoke": "/invoke/find",
        },
        {"name": "drop"},
    ]
}


@quick
@given(seeds)
def test_manifests(rng: Random) -> None:
    manifest = json_of(mutated(MANIFEST, rng))
    calls = ContainerCalls(httpx2.AsyncClient(), {}, 1000, print)
    with suppress(InvalidCall):
        for each in tools_in(manifest, "http://box", Naming("a"), {}):
            if isinstance(each, ContainedTool):
                with suppress(InvalidCall):
                    offered(each.tool, calls.handler(each), checked=True)


ANSWER: Any = {
    "content": CONTENT,
    "structuredContent": {"a": 1},
    "isError": True,
    "alerts": ["late"],
    "_meta": {"a": 1},
    "error": {"message": "no", "code": "X", "retryable": True, "retry_after_ms": 5},
}


@quick
@given(seeds, st.integers(100, 599))
def test_answers_of_containers(rng: Random, status: int) -> None:
    body = json_of(mutated(ANSWER, rng))
    with suppress(*FAILURES):
        result_of("a", body)
    with suppress(*FAILURES):
        failed("a", httpx2.Response(status, headers={"retry-after": "x"}), body, 0.0)
    with suppress(ValueError):
        chunk_of(json_of(mutated(ANSWER["content"][rng.randrange(4)], rng)))


def json_of(value: Any) -> bytes:
    """Write JSON, with numbers of any size."""
    return json.dumps(value).encode()
