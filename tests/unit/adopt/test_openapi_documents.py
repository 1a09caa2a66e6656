"""Documents, their schemas and their operations, read."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mcpmesh.adopt.openapi_document import read_document
from mcpmesh.adopt.openapi_operation import HttpOperation, operations_of
from mcpmesh.adopt.openapi_request import request_of
from mcpmesh.adopt.openapi_schema import SchemaWriter
from mcpmesh.adopt.openapi_security import Proof, keys_of
from mcpmesh.adopt.schema_inlining import inlined
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.adopt.way import Way
from mcpmesh.errors import InvalidCall


def document(version: str = "3.0.3", **parts: Any) -> bytes:
    return orjson.dumps({"openapi": version, "info": {"title": "t", "version": "1"}, **parts})


def schema(raw: Any, version: str = "3.0.3", way: Way = Way.INPUT, **schemas: Any) -> Any:
    read = read_document(document(version, components={"schemas": schemas}), "api")
    writer = SchemaWriter(read, way)
    written = inlined(writer.write(read.root.of(raw)), writer.definitions)
    Draft202012Validator.check_schema(written)
    return written


def operations(paths: Any, version: str = "3.0.3", **parts: Any) -> list[HttpOperation]:
    return list(operations_of(read_document(document(version, paths=paths, **parts), "api"), "api"))


def test_the_dialect_of_3_0_becomes_json_schema() -> None:
    assert schema({"type": "string", "nullable": True, "enum": ["a"]}) == {
        "type": ["string", "null"], "enum": ["a", None]
    }  # fmt: skip
    limits = {"minimum": 1, "exclusiveMinimum": True, "maximum": 5, "exclusiveMaximum": False}
    assert schema({"type": "integer", **limits}) == {
        "type": "integer", "exclusiveMinimum": 1, "maximum": 5
    }  # fmt: skip
    assert schema({"allOf": [{"$ref": "#/components/schemas/A"}], "nullable": True}, A={}) == {
        "anyOf": [{"allOf": [{}]}, {"type": "null"}]
    }
    assert schema({"type": "string", "format": "byte"}) == {
        "type": "string", "contentEncoding": "base64"
    }  # fmt: skip


def test_schemas_of_3_1_stay_and_what_only_readers_need_goes() -> None:
    raw = {"type": ["string", "null"], "examples": ["a"], "x-note": 1, "xml": {}, "const": "a"}
    assert schema(raw, "3.1.0") == {"type": ["string", "null"], "const": "a"}


def test_properties_are_hidden_from_the_way_they_are_not_for() -> None:
    raw = {
        "type": "object",
        "required": ["id", "password"],
        "properties": {"id": {"readOnly": True}, "password": {"writeOnly": True}},
    }
    assert schema(raw)["required"] == ["password"]
    assert schema(raw, way=Way.OUTPUT)["properties"].keys() == {"id"}


def test_a_circle_of_schemas_becomes_definitions() -> None:
    tree = {
        "type": "object",
        "properties": {"children": {"items": ref("Tree")}, "leaf": ref("Leaf")},
    }
    written = schema(ref("Tree"), Tree=tree, Leaf={"type": "string"})
    assert written["$defs"].keys() == {"Tree"}
    assert written["$defs"]["Tree"]["properties"]["leaf"] == {"type": "string"}
    assert Draft202012Validator(written).is_valid({"children": [{"children": []}]})
    assert not Draft202012Validator(written).is_valid({"children": [{"leaf": 3}]})


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_what_would_break_a_validator_is_left_out() -> None:
    raw = {"type": "file", "pattern": "(?<bad", "required": True, "enum": []}
    assert schema(raw) == {}
    raw = {"minimum": "a", "maxLength": -1, "multipleOf": 0, "title": 3, "uniqueItems": 1}
    assert schema(raw) == {}
    assert schema({"type": "object", "properties": {"a": True}, "required": [{}, "a"]}) == {
        "type": "object", "properties": {"a": True}, "required": ["a"]
    }  # fmt: skip


@pytest.mark.parametrize(
    "reference",
    ["#/components/schemas/None", "http://127.0.0.1:1/a.yaml#/A", "other.yaml#/A", "file:///etc/x"],
)
def test_references_to_what_is_not_listed_are_refused_and_nothing_is_fetched(
    reference: str,
) -> None:
    with pytest.raises(InvalidCall, match="leads nowhere"):
        schema({"$ref": reference})


def test_references_lead_to_documents_that_are_listed() -> None:
    other = b"""
A: {type: object, properties: {b: {$ref: '#/B'}, c: {$ref: './api.json#/C'}}}
B: {type: string}
"""
    read = read_document(document(C={"type": "integer"}), "/x/api.json", {"other.yaml": other})
    writer = SchemaWriter(read, Way.INPUT)
    written = writer.write(read.root.of({"$ref": "./other.yaml#/A"}))
    assert inlined(written, writer.definitions)["properties"] == {
        "b": {"type": "string"},
        "c": {"type": "integer"},
    }


def test_yaml_is_read_as_json_has_it() -> None:
    text = b"""openapi: 3.1.0
info: {title: t, version: 1.0}
paths:
  /a:
    get:
      operationId: on
      responses: {200: {description: yes}}
x-date: 2020-01-02
"""
    read = read_document(text, "api")
    assert read.root.value["x-date"] == "2020-01-02"
    (operation,) = operations_of(read, "api")
    assert operation.id == "on"


def test_one_broken_operation_hides_no_other(caplog: pytest.LogCaptureFixture) -> None:
    found = operations(
        {
            "/a": {"get": {"operationId": "a", "parameters": [{"$ref": "#/nowhere"}]}},
            "/b": {"get": {"operationId": "b", "parameters": [{"name": "x", "in": "space"}]}},
            "/c/{id}": {"get": {"operationId": "c"}},
            "/d": {"get": {"operationId": 3}},
            "/e": {"$ref": "#/paths/~1e"},
            "/f": {"get": "no"},
            "/g": {"get": {"operationId": "g", "requestBody": {"content": {"a/b": 3}}}},
            "/good": {"get": {"operationId": "good"}},
            "bad": {"get": {"operationId": "bad"}},
        }
    )
    assert "good" in [each.id for each in found]
    assert not {"a", "b", "c", "bad"} & {each.id for each in found}
    for said in ("leads nowhere", "in", "needs id", "circle"):
        assert said in caplog.text


def test_a_request_has_every_parameter_where_it_belongs() -> None:
    shared = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}]
    own = [
        {"name": "id", "in": "query", "schema": {"type": "string"}},
        {"name": "body", "in": "query"},
        {"name": "filter", "in": "query", "style": "deepObject", "explode": True},
        {"name": "X-Trace", "in": "header"},
        {"name": "session", "in": "cookie"},
        {"name": "Authorization", "in": "header"},
    ]
    text = {"content": {"text/plain": {"schema": {"type": "string"}}}, "required": True}
    (operation,) = operations(
        {"/things/{id}": {"parameters": shared, "post": {"parameters": own, "requestBody": text}}}
    )
    assert list(operation.input_schema["properties"]) == [
        "id", "id_query", "body_query", "filter", "X-Trace", "session", "body"
    ]  # fmt: skip
    arguments = {
        "id": "a/b", "id_query": "c&d", "body_query": "e", "filter": {"f": 1}, "X-Trace": "g",
        "session": "h", "body": "hello",
    }  # fmt: skip
    request = request_of(operation, arguments, Proof(query=(("key", "s/1"),)))
    assert request.target == "/things/a%2Fb?id=c%26d&body=e&filter[f]=1&key=s%2F1"
    assert request.headers == (
        ("accept", "application/json, */*"),
        ("X-Trace", "g"),
        ("cookie", "session=h"),
        ("content-type", "text/plain"),
    )
    assert request.body is not None
    assert request.body.content == b"hello"
    assert "s%2F1" not in repr(request)


def test_a_form_of_parts_has_texts_files_and_json() -> None:
    form = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "place": {"type": "object"},
            "photo": {"type": "string", "format": "binary"},
        },
    }
    body = {"content": {"multipart/form-data": {"schema": form}}}
    (operation,) = operations({"/a": {"post": {"requestBody": body}}})
    value = {"title": "é", "tags": ["a", "b"], "place": {"x": 1}, "photo": "AAE="}
    written = request_of(operation, {"body": value}, Proof()).body
    assert written is not None
    assert written.parts == (
        ("title", (None, "é".encode(), "text/plain; charset=utf-8")),
        ("tags", (None, b"a", "text/plain; charset=utf-8")),
        ("tags", (None, b"b", "text/plain; charset=utf-8")),
        ("place", (None, b'{"x":1}', "application/json")),
        ("photo", ("photo", b"\x00\x01", "application/octet-stream")),
    )


def test_a_body_that_is_xml_alone_is_a_text_which_says_what_it_holds() -> None:
    pet = {"type": "object", "description": "A pet.", "properties": {"id": {"type": "integer"}}}
    body = {"content": {"application/xml": {"schema": pet}}, "required": True}
    (operation,) = operations({"/a": {"post": {"requestBody": body}}})
    assert operation.input_schema["properties"]["body"] == {
        "description": "A pet.",
        "type": "string",
        "contentMediaType": "application/xml",
        "contentSchema": pet,
    }
    request = request_of(operation, {"body": "<Pet/>"}, Proof())
    assert ("content-type", "application/xml") in request.headers
    assert request.body is not None
    assert request.body.content == b"<Pet/>"


@pytest.mark.parametrize(
    ("content", "accept"),
    [
        ({"application/xml": {}, "application/json": {"schema": {}}}, "application/json"),
        ({"application/xml": {}}, "application/xml, */*"),
        ({"image/png": {}, "application/json": {}}, "application/json, image/png, */*"),
        ({"bad\r\nx: y/z": {}, "none": {}}, "application/json, */*"),
        ({}, "application/json, */*"),
    ],
)
def test_a_request_asks_for_what_is_declared(content: Any, accept: str) -> None:
    responses = {"200": {"description": "yes", "content": content}}
    (operation,) = operations({"/a": {"get": {"responses": responses}}})
    assert dict(request_of(operation, {}, Proof()).headers)["accept"] == accept


SCHEMES = {
    "head": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "ask": {"type": "apiKey", "in": "query", "name": "key"},
    "crumb": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "basic": {"type": "http", "scheme": "Basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "tls": {"type": "mutualTLS"},
}


def test_secrets_become_what_their_schemes_want() -> None:
    read = read_document(
        document("3.1.0", components={"securitySchemes": SCHEMES}, security=[{"bearer": []}]), "api"
    )
    secrets = {"head": "h", "ask": "q", "crumb": "c", "basic": "user:pass", "bearer": "b"}
    keys = keys_of(read, secrets, "api")
    assert keys.proof_for(None) == Proof(headers=(("authorization", "Bearer b"),))
    assert keys.proof_for(()) == Proof()
    assert keys.proof_for((("tls",), ("head", "ask"))) == Proof((("X-Key", "h"),), (("key", "q"),))
    assert keys.proof_for((("basic",), ())) == Proof(
        headers=(("authorization", "Basic dXNlcjpwYXNz"),)
    )
    assert keys.proof_for((("crumb",),)) == Proof(cookies=(("sid", "c"),))
    assert keys.proof_for((("tls",),)) is None
    assert "pass" not in repr(keys.proof_for((("basic",),)))
    for name, said in (("tls", "no secret satisfies"), ("none", "it has ask, basic")):
        with pytest.raises(UpstreamFailed, match=said):
            keys_of(read, {name: "x"}, "api")
    with pytest.raises(UpstreamFailed, match="no line of ASCII"):
        keys_of(read, {"head": "a\r\nb"}, "api")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("a$/{}#", max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["get", "parameters", "name", "in", "schema", "type", "$ref", "items", "properties",
             "requestBody", "content", "application/json", "responses", "200", "allOf", "required",
             "security", "servers", "tags"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(_JSON)
def test_no_document_breaks_the_reader(value: Any) -> None:
    read = read_document(document(paths={"/a": {"get": value}, "/b": value}), "api")
    for operation in operations_of(read, "api"):
        Draft202012Validator.check_schema(operation.input_schema)
