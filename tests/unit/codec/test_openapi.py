"""Schemas of tools inside an OpenAPI document refer to themselves, not to the document."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from mcpmesh.codec.openai import MAX_NAME, function_name
from mcpmesh.codec.openapi import document_bytes, operation_of
from mcpmesh.codec.openapi_schema import embedded_schema
from mcpmesh.v1 import tool_pb2

PLACE = "#/components/schemas/t.input"


@pytest.mark.parametrize(
    ("schema", "embedded"),
    [
        ({"$ref": "#"}, {"$ref": PLACE}),
        ({"$ref": "#/$defs/A"}, {"$ref": f"{PLACE}/$defs/A"}),
        ({"items": {"$ref": "#/$defs/A"}}, {"items": {"$ref": f"{PLACE}/$defs/A"}}),
        ({"items": [{"$ref": "#"}]}, {"items": [{"$ref": PLACE}]}),
        ({"anyOf": [{"$ref": "#"}, True]}, {"anyOf": [{"$ref": PLACE}, True]}),
        ({"$defs": {"A": {"not": {"$ref": "#"}}}}, {"$defs": {"A": {"not": {"$ref": PLACE}}}}),
        # References to elsewhere, and by anchor, stay; so does what is no schema.
        ({"$ref": "https://example.org/a#/b"}, {"$ref": "https://example.org/a#/b"}),
        ({"$ref": "#anchor"}, {"$ref": "#anchor"}),
        ({"const": {"$ref": "#"}}, {"const": {"$ref": "#"}}),
        ({"properties": {"$ref": True}}, {"properties": {"$ref": True}}),
        ({"items": {"$id": "x:y", "$ref": "#"}}, {"items": {"$id": "x:y", "$ref": "#"}}),
        # A schema's own name goes, and what refers by it becomes a reference within.
        ({"$id": "x:y", "$ref": "x:y#/$defs/A"}, {"$ref": f"{PLACE}/$defs/A"}),
        ({"$schema": "x:y", "type": "object"}, {"type": "object"}),
    ],
)  # fmt: skip
def test_references_are_written_for_the_place(schema, embedded):
    assert embedded_schema(schema, PLACE) == embedded


@given(st.from_regex(r"[A-Za-z0-9_./-]{1,128}", fullmatch=True))
def test_every_name_of_a_tool_becomes_one_that_openai_takes(name):
    made = function_name(name)
    assert 0 < len(made) <= MAX_NAME
    assert made.replace("_", "a").replace("-", "a").isalnum()
    assert made == function_name(name)


def test_a_document_of_no_tools_and_of_odd_ones_is_valid():
    odd = tool_pb2.Tool(name="a/b", input_schema=b"not json", output_schema=b"[]")
    for tools in ((), (odd,)):
        document = document_bytes([operation_of(tool) for tool in tools], "mesh", "1")
        OpenAPIV31SpecValidator(orjson.loads(document)).validate()
