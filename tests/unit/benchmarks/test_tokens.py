"""What many tools cost: the page shows what was measured, and the counting is right."""

import json
from random import Random

from benchmarks.tokens import (
    PAGE,
    PICTURE,
    RESULTS,
    accuracy,
    catalogs,
    draw,
    list_cost,
    page_part,
)
from benchmarks.tool_sets import Entry, Question, ToolSets


def entry(name, description="Does something."):
    return Entry(name, description, {"type": "object"})


def test_the_page_shows_the_results():
    results = json.loads(RESULTS.read_text())
    assert page_part(results) in PAGE.read_text()
    assert PICTURE.exists()


def test_the_picture_is_drawn(tmp_path):
    path = tmp_path / "picture.png"
    draw(json.loads(RESULTS.read_text()), path)
    assert path.stat().st_size > 1_000


def test_half_of_a_catalog_is_asked_for_at_most():
    asked = {name: entry(name) for name in "abc"}
    sets = ToolSets(asked, {str(n): entry(str(n)) for n in range(50)}, [])
    for size, wanted in ((4, 2), (20, 3)):
        for drawn in catalogs(sets, size, 5, Random(1)):
            names = [each.name for each in drawn]
            assert len(set(names)) == size
            assert len(asked.keys() & set(names)) == wanted


def test_search_is_judged_by_where_the_right_tool_is():
    tools = [entry("weather", "Tells the weather."), entry("rates", "Tells exchange rates.")]
    questions = [
        Question("weather", "weather", "s"),
        Question("rates", "weather", "s"),
        Question("exchange", "not here", "s"),
    ]
    found, answers = accuracy([tools], questions, None)
    assert (found.questions, found.hit_at_1, found.hit_at_5) == (2, 0.5, 0.5)
    assert found.mrr == 0.5
    assert answers[0].startswith("weather: Tells the weather.")


def test_a_list_costs_what_its_entries_do():
    tools = [entry("a" * 10), entry("b" * 10)]
    assert list_cost(tools, 0, len) == 2 * (list_cost(tools[:1], 0, len))
    long = [entry("a", "word " * 100)]
    assert list_cost(long, 10, len) < list_cost(long, 0, len) - 400
