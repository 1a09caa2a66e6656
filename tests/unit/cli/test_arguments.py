"""key=value is read as the tool's schema has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.cli.arguments import read_arguments, read_json
from mcpmesh.cli.exits import CommandError

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "ratio": {"type": "number"},
        "fast": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "place": {"$ref": "#/$defs/Place"},
        "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "unit": {"enum": ["C", "F"]},
        "dotted.key": {"type": "integer"},
        "free": {},
    },
    "$defs": {
        "Place": {
            "type": "object",
            "properties": {"zip": {"type": "string"}, "floor": {"type": "integer"}},
        }
    },
}


@pytest.mark.parametrize(
    ("pairs", "arguments"),
    [
        (["city=98101"], {"city": "98101"}),
        (["city=a=b"], {"city": "a=b"}),
        (["city="], {"city": ""}),
        (["days=3"], {"days": 3}),
        (["days=3.0"], {"days": 3}),
        (["ratio=3"], {"ratio": 3}),
        (["ratio=-0.5"], {"ratio": -0.5}),
        (["fast=true"], {"fast": True}),
        (['tags=["a","b"]'], {"tags": ["a", "b"]}),
        (["tags=1"], {"tags": ["1"]}),
        (["tags=1", "tags=b"], {"tags": ["1", "b"]}),
        (["sizes=1", "sizes=2"], {"sizes": [1, 2]}),
        (['place={"zip": "1"}'], {"place": {"zip": "1"}}),
        (["place.zip=98101", "place.floor=2"], {"place": {"zip": "98101", "floor": 2}}),
        (["limit=null"], {"limit": None}),
        (["note=null"], {"note": None}),
        (["note=5"], {"note": "5"}),
        (["unit=F"], {"unit": "F"}),
        (["dotted.key=1"], {"dotted.key": 1}),
        (["free=5"], {"free": 5}),
        (["free=five"], {"free": "five"}),
        (["unknown=x"], {"unknown": "x"}),
    ],
)
def test_value_is_read_by_its_schema(pairs: list[str], arguments: object) -> None:
    assert read_arguments(pairs, SCHEMA) == arguments


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ("city", "KEY=VALUE"),
        ("=x", "KEY=VALUE"),
        ("--yaer", "neither an option nor KEY=VALUE"),
        ("days=three", "days: 'three' is not an integer"),
        ("fast=yes", "fast: 'yes' is not a boolean"),
        ("limit=x", "an integer or null"),
        ("sizes=a", "sizes: 'a' is not an integer"),
    ],
)
def test_value_that_cannot_be_read_is_named(pair: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        read_arguments([pair], SCHEMA)


@pytest.mark.parametrize("text", ["{", "[1]", "5"])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--json is not"):
        read_json(text, "--json")


@given(st.text())
def test_a_string_stays_what_it_is(text: str) -> None:
    assert read_arguments([f"city={text}"], SCHEMA) == {"city": text}


def test_schema_that_refers_to_itself_ends() -> None:
    schema = {"properties": {"a": {"$ref": "#/properties/a"}}}
    assert read_arguments(["a=1"], schema) == {"a": 1}
