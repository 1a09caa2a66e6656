"""key=value is read as the tool's schema has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.cli.arguments import read_arguments
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
        ("days=" + "9" * 5000, "days: '9{60}'… is not an integer"),
        ("ratio=NaN", "ratio: 'NaN' is not a number"),
        ("ratio=1e999", "ratio: '1e999' is not a number"),
        ("city=\udcff", r"argument 'city=\\udcff' is not UTF-8 text"),
        (
            "tags=" + "[" * 60_000,
            r"argument tags='\[{60}'… cannot be read: it is nested too deeply",
        ),
        ("free=" + "[" * 60_000 + "]" * 60_000, "nested too deeply"),
        (".".join("a" * 30_000) + "=1", "has over 100 dots in its key"),
        (
            "x" * 100_000,
            "argument 'x{60}'… is not KEY=VALUE; --json gives all as one object, and -",
        ),
        ("@arguments.json", "'@arguments.json' is not KEY=VALUE; .* - reads it from stdin"),
    ],
)
def test_value_that_cannot_be_read_is_named(pair: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason) as refused:
        read_arguments([pair], SCHEMA)
    assert len(refused.value.message) < 250


def test_a_text_may_look_like_json_that_cannot_be() -> None:
    deep = "[" * 60_000
    pairs = [f"note={deep}", f"city={deep}", "free=NaN"]
    assert read_arguments(pairs, SCHEMA) == {"note": deep, "city": deep, "free": "NaN"}


@given(st.text())
def test_a_string_stays_what_it_is(text: str) -> None:
    assert read_arguments([f"city={text}"], SCHEMA) == {"city": text}


def test_schema_that_refers_to_itself_ends() -> None:
    schema = {"properties": {"a": {"$ref": "#/properties/a"}}}
    assert read_arguments(["a=1"], schema) == {"a": 1}
