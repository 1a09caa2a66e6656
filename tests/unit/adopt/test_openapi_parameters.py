"""Values in URLs, headers and cookies, as the table of styles in OpenAPI 3.1.1 (4.8.12.4) says."""

from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.adopt.openapi_parameter import DEFAULT_STYLE, HttpParameter, Where
from mcpmesh.sdk.failure import WrongArguments

ARRAY = ["blue", "black", "brown"]
OBJECT = {"R": 100, "G": 200, "B": 150}
_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


def parameter(
    where: Where, style: str = "", *, explode: bool = False, **more: Any
) -> HttpParameter:
    return HttpParameter("color", "color", where, style or DEFAULT_STYLE[where], explode, **more)


@pytest.mark.parametrize(
    ("style", "explode", "text", "array", "mapping"),
    [
        ("matrix", False, ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"),
        (
            "matrix",
            True,
            ";color=blue",
            ";color=blue;color=black;color=brown",
            ";R=100;G=200;B=150",
        ),
        ("label", False, ".blue", ".blue,black,brown", ".R,100,G,200,B,150"),
        ("label", True, ".blue", ".blue.black.brown", ".R=100.G=200.B=150"),
        ("simple", False, "blue", "blue,black,brown", "R,100,G,200,B,150"),
        ("simple", True, "blue", "blue,black,brown", "R=100,G=200,B=150"),
    ],
)
def test_styles_of_paths(style: str, explode: bool, text: str, array: str, mapping: str) -> None:
    written = parameter(Where.PATH, style, explode=explode).in_path
    assert (written("blue"), written(ARRAY), written(OBJECT)) == (text, array, mapping)


@pytest.mark.parametrize(
    ("style", "explode", "value", "parts"),
    [
        ("form", False, "blue", ["color=blue"]),
        ("form", False, ARRAY, ["color=blue,black,brown"]),
        ("form", True, ARRAY, ["color=blue", "color=black", "color=brown"]),
        ("form", False, OBJECT, ["color=R,100,G,200,B,150"]),
        ("form", True, OBJECT, ["R=100", "G=200", "B=150"]),
        ("form", True, [], []),
        ("form", True, {}, []),
        ("spaceDelimited", False, ARRAY, ["color=blue%20black%20brown"]),
        ("spaceDelimited", False, OBJECT, ["color=R%20100%20G%20200%20B%20150"]),
        ("pipeDelimited", False, ARRAY, ["color=blue%7Cblack%7Cbrown"]),
        ("deepObject", True, OBJECT, ["color[R]=100", "color[G]=200", "color[B]=150"]),
        ("deepObject", True, {"a b": ["1", "&"]}, ["color[a%20b]=1", "color[a%20b]=%26"]),
        ("form", True, True, ["color=true"]),
        ("form", True, 1.5, ["color=1.5"]),
    ],
)
def test_styles_of_queries(style: str, explode: bool, value: Any, parts: list[str]) -> None:
    assert list(parameter(Where.QUERY, style, explode=explode).in_query(value)) == parts


def test_content_is_json_and_reserved_characters_pass_where_they_may() -> None:
    as_json = parameter(Where.QUERY, as_json=True)
    assert list(as_json.in_query({"a": 1})) == ["color=%7B%22a%22%3A1%7D"]
    reserved = parameter(Where.QUERY, reserved=True)
    assert list(reserved.in_query("a/b?c=d e")) == ["color=a/b?c=d%20e"]


def test_headers_take_lists_and_no_line_breaks() -> None:
    header = parameter(Where.HEADER)
    assert header.in_header(ARRAY) == "blue,black,brown"
    assert parameter(Where.COOKIE).in_header("a;b c") == "a%3Bb%20c"
    with pytest.raises(WrongArguments, match="color"):
        header.in_header("a\r\nx-admin: yes")


@pytest.mark.parametrize("value", ["", ".", "..", None, []])
def test_a_value_that_would_name_another_path_is_refused(value: Any) -> None:
    with pytest.raises(WrongArguments, match="color"):
        parameter(Where.PATH).in_path(value)


@given(_TEXT)
def test_a_text_stays_within_its_place(value: str) -> None:
    if value not in ("", ".", ".."):
        written = parameter(Where.PATH).in_path(value)
        assert not set(written) & set("/?#\\ \r\n")
        assert unquote(written) == value
    (part,) = parameter(Where.QUERY).in_query(value)
    assert parse_qsl(part, keep_blank_values=True) == [("color", value)]
