import json

import pytest

from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.policy.effect import without_effect
from mcpmesh.policy.table import read_table
from mcpmesh.policy.tool_policy import ToolPolicy

READING = ToolAnnotations(read_only=True, idempotent=True)


def schema(*names: str, **more: object) -> bytes:
    properties = {name: {"type": "string"} for name in names}
    return json.dumps({"type": "object", "properties": properties, **more}).encode()


def found(tool: Tool, table: dict) -> list[str]:
    return without_effect(tool, read_table(ToolPolicy, table, "it"))


def test_what_a_tool_may_not_have_twice_is_neither_hedged_nor_kept() -> None:
    table = {"hedge": 0.95, "cache": 5}
    assert found(Tool("pay"), table) == [
        "hedge does nothing, as it is neither idempotent nor read-only",
        "cache does nothing, as it is not both read-only and idempotent",
    ]
    assert found(Tool("look", annotations=READING), table) == []
    assert len(found(Tool("look", annotations=ToolAnnotations(read_only=True)), table)) == 1


@pytest.mark.parametrize(
    "table",
    [
        {"balance": {"policy": "hash", "key": "argument:citty"}},
        {"split": {"shares": {"2": 0.1}, "key": "argument:citty"}},
    ],
)
def test_a_key_that_is_no_argument_is_told_with_what_it_may_mean(table: dict) -> None:
    (setting,) = table
    (said,) = found(Tool("weather", input_schema=schema("city", "day")), table)
    assert said == f"{setting}.key 'argument:citty' is no argument of it; did you mean city?"


@pytest.mark.parametrize(
    ("input_schema", "key"),
    [
        (schema("city"), "argument:city"),
        (schema("user"), "argument:user.id"),
        (schema("user.id"), "argument:user.id"),
        (schema("city"), "metadata:x-user"),
        (schema("city"), "session"),
        (schema("city", allOf=[{"properties": {"town": {}}}]), "argument:town"),
        (b'{"type": "object"}', "argument:town"),
        (b"", "argument:town"),
        (b"{no JSON", "argument:town"),
    ],
)
def test_a_key_that_may_be_there_is_not(input_schema: bytes, key: str) -> None:
    tool = Tool("weather", input_schema=input_schema)
    assert found(tool, {"balance": {"policy": "hash", "key": key}}) == []


def test_a_tool_without_arguments_has_none_to_go_by() -> None:
    tool = Tool("now", input_schema=b'{"type": "object", "additionalProperties": false}')
    assert len(found(tool, {"balance": {"policy": "hash", "key": "argument:city"}})) == 1
