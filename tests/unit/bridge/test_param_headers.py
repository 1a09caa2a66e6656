"""Headers that repeat marked arguments."""

from base64 import b64encode

import orjson
import pytest

from mcpmesh import ToolServer
from mcpmesh.bridge.param_headers import marks
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_http import modern, modern_headers, refused

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry-Run"},
        "inner": {"type": "object", "properties": {"id": {"type": "string", "x-mcp-header": "Id"}}},
        "plain": {"type": "string"},
    },
}


def of(**properties):
    return orjson.dumps({"type": "object", "properties": properties})


def test_marks_are_found_wherever_properties_are():
    assert marks(orjson.dumps(SCHEMA)) == (
        (("region",), b"mcp-param-region"),
        (("count",), b"mcp-param-count"),
        (("dry",), b"mcp-param-dry-run"),
        (("inner", "id"), b"mcp-param-id"),
    )


@pytest.mark.parametrize(
    "schema",
    [
        b"{",
        b"[]",
        of(a={"type": "string", "x-mcp-header": ""}),
        of(a={"type": "string", "x-mcp-header": "a b"}),
        of(a={"type": "string", "x-mcp-header": "\u00e9"}),
        of(a={"type": "string", "x-mcp-header": 1}),
        of(a={"type": "number", "x-mcp-header": "A"}),
        of(a={"type": "object", "x-mcp-header": "A"}),
        of(a={"x-mcp-header": "A"}),
        of(a={"type": "string", "x-mcp-header": "A"}, b={"type": "string", "x-mcp-header": "a"}),
        of(
            a={"type": "string", "x-mcp-header": "A"},
            b={"type": "array", "items": {"type": "string", "x-mcp-header": "B"}},
        ),
        of(a={"anyOf": [{"type": "string", "x-mcp-header": "A"}]}),
    ],
)
def test_marks_that_the_spec_refuses_count_for_nothing(schema):
    assert marks(schema) == ()


@pytest.fixture
async def http():
    app = ToolServer("marked")

    @app.tool(input_schema=SCHEMA)
    async def marked(arguments: dict):
        """Takes marked arguments."""
        return "taken"

    @app.tool
    async def free(region: str) -> str:
        """Takes any."""
        return region

    async with mesh_of(app) as mesh:
        yield mesh.http


async def call(http, arguments, tool="marked", **said):
    params = {"name": tool, "arguments": arguments}
    headers = modern_headers("tools/call", tool, **said)
    return await modern(http, "tools/call", params, headers)


async def test_headers_that_say_what_the_body_says_are_taken(http):
    encoded = f"=?base64?{b64encode('Zürich'.encode()).decode()}?="
    for arguments, said in (
        ({}, {}),
        ({"plain": "x"}, {}),
        ({"region": "eu"}, {"mcp-param-region": "eu"}),
        ({"region": "Zürich"}, {"mcp-param-region": encoded}),
        ({"region": "=?base64?eA=="}, {"mcp-param-region": "=?base64?eA=="}),
        ({"count": 42, "dry": False}, {"mcp-param-count": "42", "mcp-param-dry-run": "false"}),
        ({"count": -42}, {"mcp-param-count": "-42.0"}),
        ({"count": 42.0}, {"mcp-param-count": "42"}),
        ({"count": 42.0}, {"mcp-param-count": "42.00"}),
        ({"inner": {"id": "7"}}, {"mcp-param-id": "7"}),
    ):
        answer = await call(http, arguments, **said)
        assert answer.json()["result"]["content"][0]["text"] == "taken"
    answer = await call(http, {"region": "eu"}, "free", **{"mcp-param-region": "us"})
    assert answer.json()["result"]["isError"] is False


async def test_headers_that_say_something_else_are_refused(http):
    for arguments, said in (
        ({"region": "eu"}, {}),
        ({"region": "eu"}, {"mcp-param-region": "us"}),
        ({"region": "eu"}, {"mcp-param-region": "EU"}),
        ({}, {"mcp-param-region": "eu"}),
        ({"region": "x"}, {"mcp-param-region": "=?base64?eA?="}),
        ({"region": "x"}, {"mcp-param-region": "=?base64?!!?="}),
        ({"count": 42}, {"mcp-param-count": "42.5"}),
        ({"count": 42.0}, {"mcp-param-count": "42.5"}),
        ({"count": 2**60 + 1}, {"mcp-param-count": str(2**60)}),
        ({"count": 42}, {"mcp-param-count": "0x2a"}),
        ({"dry": True}, {"mcp-param-dry-run": "True"}),
        ({"inner": {"id": "7"}}, {}),
    ):
        refused(await call(http, arguments, **said), 400, -32020, 1)


async def test_tools_that_come_later_are_checked_too(http):
    await call(http, {}, "free")
    refused(await call(http, {"region": "eu"}), 400, -32020, 1)
