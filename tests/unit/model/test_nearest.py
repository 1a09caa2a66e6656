from random import Random

import pytest

from mcpmesh.model.nearest import did_you_mean, likely, nearest

WORDS = [
    "get",
    "set",
    "list",
    "weather",
    "stock",
    "price",
    "forecast",
    "search",
    "query",
    "report",
    "user",
    "order",
    "file",
]


def many(rng: Random) -> list[str]:
    names = {"_".join(rng.choices(WORDS, k=3)) + f"_{rng.randrange(10_000)}" for _ in range(12_000)}
    return sorted(names)[:10_000]


def test_a_misspelt_name_finds_its_neighbour_first() -> None:
    assert nearest("forcast", ["echo", "forecast", "broadcast"])[0] == "forecast"


def test_case_does_not_count_and_the_known_spelling_comes_back() -> None:
    assert nearest("forecast", ["Forecast"]) == ["Forecast"]


def test_nothing_alike_gives_no_names() -> None:
    assert nearest("zzzz", ["echo", "forecast"]) == []
    assert did_you_mean("zzzz", ["echo"]) == ""


def test_the_hint_is_ready_to_be_appended() -> None:
    assert did_you_mean("ecco", ["echo"]) == "; did you mean echo?"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("convert_curency", "convert_currency"),
        ("ConvertCurrency", "convert_currency"),
        ("convert-currency", "convert_currency"),
        ("konvert_currency", "convert_currency"),
        ("ehco", "echo"),
        ("a", "ab"),
        ("tool_o1234", "tool_01234"),
    ],
)
def test_the_neighbour_is_found_among_ten_thousand(name: str, known: str) -> None:
    names = [*many(Random(1)), *(f"tool_{number:05d}" for number in range(3_000)), known]
    assert nearest(name, names)[0] == known


def test_only_dozens_of_many_names_are_compared() -> None:
    names = many(Random(2))
    for name in (names[17], "get_weather", "zz", "x" * 128, "", "a\nb"):
        assert len(likely(name, names)) <= 24
    assert len(likely("x" * 128, ["x" * 120 + f"{number:04d}" for number in range(1000)])) <= 12


def test_a_name_that_is_like_none_of_many_has_no_neighbour() -> None:
    assert nearest("q" * 40, many(Random(3))) == []
