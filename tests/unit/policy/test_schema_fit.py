import json
from typing import Any

import pytest

from mcpmesh.policy.schema_fit import misfits


def schema(required: tuple[str, ...] = (), closed: bool = False, **types: Any) -> bytes:
    properties = {name: {"type": kind} if kind else {} for name, kind in types.items()}
    made: dict[str, Any] = {"type": "object", "properties": properties, "required": [*required]}
    if closed:
        made["additionalProperties"] = False
    return json.dumps(made).encode()


CITY = schema(("city",), city="string", days="integer")


@pytest.mark.parametrize(
    "wanted",
    [
        b"",
        CITY,
        schema(("city",), city="string"),
        schema(city="string", days="number"),
        schema(city=["string", "null"]),
        schema(("city",), closed=True, city="string", days="integer", more="boolean"),
        schema(("city",), city=None),
        b"true",
        b"no JSON",
        b'{"type": "array"}',
        b'{"type": "object", "properties": 3, "required": "city"}',
    ],
)
def test_what_fits_or_cannot_be_told_passes(wanted: bytes) -> None:
    assert misfits(CITY, wanted) == []


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (schema(("unit",), city="string", unit="string"), "'unit' is required, and unknown before"),
        (schema(("days",), days="integer"), "'days' is required, and optional before"),
        (schema(closed=True, city="string"), "'days' is not allowed"),
        (schema(city="integer"), "'city' is integer, and string before"),
        (schema(city=["number", "null"]), "'city' is null or number, and string before"),
    ],
)
def test_what_does_not_fit_is_told(wanted: bytes, reason: str) -> None:
    assert misfits(CITY, wanted) == [reason]


def test_a_number_is_not_always_an_integer() -> None:
    assert misfits(schema(a="number"), schema(a="integer")) == ["'a' is integer, and number before"]


def test_not_more_than_a_few_reasons_are_told() -> None:
    wanted = schema(tuple("abcdef"))
    assert len(misfits(CITY, wanted)) == 3
