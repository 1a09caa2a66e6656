import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from mcpmesh.sdk.arguments import by_parameters, by_schema, by_whole
from mcpmesh.sdk.content import Image
from mcpmesh.sdk.failure import WrongArguments, WrongOutput
from mcpmesh.sdk.output import Output, output_of
from mcpmesh.v1 import tool_pb2


class Unit(StrEnum):
    METRIC = "metric"
    IMPERIAL = "imperial"


class Place(BaseModel):
    name: str
    at: tuple[float, float] | None = None


class Range(TypedDict):
    low: int
    high: int


@dataclass
class Window:
    start: date
    days: int = 1


def everything(
    place: Place,
    schema: str,
    _hidden: int = 0,
    unit: Unit = Unit.METRIC,
    span: Range | None = None,
    window: Window | None = None,
    mode: Literal["fast", "good"] = "good",
    tags: list[str] = [],  # noqa: B006
) -> None: ...


def schema_of(function: Callable[..., Any], **documented: str) -> Any:
    return orjson.loads(by_parameters("t", function, documented, None).schema)


def test_the_schema_is_valid_and_says_nothing_twice() -> None:
    schema = schema_of(everything)
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["place", "schema"]
    assert schema["additionalProperties"] is False
    assert b'"title"' not in orjson.dumps(schema)


def test_json_becomes_the_declared_types() -> None:
    arguments = by_parameters("t", everything, {}, None)
    payload = b'{"place": {"name": "Bern"}, "schema": "s", "window": {"start": "2026-02-03"}}'
    values = arguments.read(payload)
    assert values["place"] == Place(name="Bern")
    assert values["window"] == Window(date(2026, 2, 3))
    assert values["unit"] is Unit.METRIC


def test_descriptions_come_from_the_annotation_first_then_from_the_docstring() -> None:
    def tool(
        a: Annotated[int, "from a note"], b: Annotated[int, Field(description="f")], c: int
    ) -> None: ...

    properties = schema_of(tool, a="doc", b="doc", c="doc")["properties"]
    assert [properties[name]["description"] for name in "abc"] == ["from a note", "f", "doc"]


def test_limits_in_the_annotation_are_in_the_schema_and_enforced() -> None:
    def tool(days: Annotated[int, Field(ge=1, le=7)] = 3) -> None: ...

    arguments = by_parameters("t", tool, {}, None)
    assert orjson.loads(arguments.schema)["properties"]["days"]["maximum"] == 7
    with pytest.raises(WrongArguments, match=r"days: .*less than or equal to 7.*got 9"):
        arguments.read(b'{"days": 9}')


def test_every_wrong_field_is_named() -> None:
    arguments = by_parameters("t", everything, {}, None)
    with pytest.raises(WrongArguments) as caught:
        arguments.read(b'{"place": {"name": 1}, "unit": "feet"}')
    for field in ("place.name", "unit", "schema"):
        assert f"{field}: " in caught.value.message


def test_an_object_can_be_the_one_argument() -> None:
    arguments = by_whole("t", "input_data", Window)
    assert arguments is not None
    assert arguments.read(b'{"start": "2026-02-03"}') == {"input_data": Window(date(2026, 2, 3))}


def test_a_plain_value_cannot_be_the_whole_object() -> None:
    assert by_whole("t", "input_data", int) is None


def test_a_schema_written_by_hand_is_enforced() -> None:
    arguments = by_schema(
        "x", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    )
    assert arguments.read(b'{"a": 1}') == {"x": {"a": 1}}
    with pytest.raises(WrongArguments, match="a: 'b' is not of type 'integer'"):
        arguments.read(b'{"a": "b"}')


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("def tool(*rest: int): ...", r"t.*\*rest"),
        ("def tool(**rest: int): ...", r"t.*\*\*rest"),
        ("def tool(city): ...", r"t.*city"),
        ("def tool(city: str, /): ...", r"t.*city"),
        ("def tool(city: 'Nowhere'): ...", r"t.*Nowhere"),
        ("def tool(reason: Exception): ...", "t.*Exception"),
    ],
)
def test_a_signature_without_a_schema_is_refused_by_name(source: str, named: str) -> None:
    scope: dict[str, Any] = {}
    exec(source, scope)
    with pytest.raises(TypeError, match=named):
        by_parameters("t", scope["tool"], {}, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def anything(text: str, number: int, flag: bool, tree: Any, rows: list[dict[str, int]]) -> None: ...


@given(
    st.fixed_dictionaries(
        {
            "text": st.text(),
            "number": st.integers(),
            "flag": st.booleans(),
            "tree": json_values,
            "rows": st.lists(st.dictionaries(st.text(), st.integers()), max_size=3),
        }
    )
)
def test_arguments_arrive_as_they_were_sent(sent: dict[str, Any]) -> None:
    arguments = by_parameters("t", anything, {}, None)
    assert arguments.read(json.dumps(sent).encode()) == sent


@given(json_values)
def test_any_json_value_is_a_result_under_its_name_or_as_itself(value: Any) -> None:
    result = Output().result(value)
    if isinstance(value, dict):
        assert orjson.loads(result.structured_content) == value
    elif value is not None and not isinstance(value, str):
        assert orjson.loads(result.structured_content) == {"result": value}


@given(st.binary())
def test_no_bytes_crash_the_reader(payload: bytes) -> None:
    # A valid object is possible, if unlikely; anything else than these two would be a bug.
    with suppress(WrongArguments):
        by_parameters("t", anything, {}, None).read(payload)


@pytest.mark.parametrize(
    ("annotation", "value", "structured"),
    [
        (Place, Place(name="x"), {"name": "x", "at": None}),
        (Window, Window(date(2026, 1, 2)), {"start": "2026-01-02", "days": 1}),
        (Range, {"low": 1, "high": 2}, {"low": 1, "high": 2}),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (list[int], [1], {"result": [1]}),
        (int | None, None, {"result": None}),
        (str, "x", {"result": "x"}),
        (type(None), None, {"result": None}),
    ],
)
def test_a_result_fits_the_output_schema(annotation: Any, value: Any, structured: Any) -> None:
    output = output_of("t", annotation)
    result = output.result(value)
    assert orjson.loads(result.structured_content) == structured
    Draft202012Validator(orjson.loads(output.schema)).validate(structured)
    assert orjson.loads(output.schema)["type"] == "object"


@pytest.mark.parametrize(
    "annotation", [Any, bytes, Image, list[Image], Image | str, Iterator[int], tool_pb2.ToolResult]
)
def test_content_and_streams_promise_no_schema(annotation: Any) -> None:
    assert output_of("t", annotation) == Output()


def test_a_result_that_json_has_no_form_for_is_refused() -> None:
    with pytest.raises(WrongOutput, match="no JSON form"):
        Output().result(object())


def test_a_schema_by_hand_may_hold_schemas_that_are_true():
    schema = {"type": "object", "properties": {"a": True, "b": {"anyOf": [True]}}}
    assert by_schema("arguments", schema).expected == "a: any (optional), b: any (optional)"
