"""Search ranks rare words and names first, and says why; lookup names the nearest."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.discovery.lookup import find_tool
from mcpmesh.discovery.meaning import Meaning
from mcpmesh.discovery.ranking import Hit, ranked
from mcpmesh.discovery.search import SearchIndex, wanted_hits
from mcpmesh.discovery.vectors import Vectors
from mcpmesh.discovery.words import query_words, words_of
from mcpmesh.errors import InvalidCall, ToolNotFound
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.estimate import Estimate
from mcpmesh.model.prompt import Prompt
from mcpmesh.model.tool import Tool

TOOLS = (
    Tool("forecast", "Daily weather for a city."),
    Tool("weather_history", "What the weather was on a day."),
    Tool("stock_prices", "Prices of a stock, as they come.", title="Ticker"),
    Tool("sql", "Asks the database of a city's weather stations."),
)


def catalog_of(*tools: Tool) -> Catalog:
    return Catalog(1, {tool.name: (Cluster(tool),) for tool in tools})


def search(
    query: str,
    catalog: Catalog | None = None,
    limit: int = 0,
    worth: Mapping[str, Estimate] | None = None,
    meaning: Meaning | None = None,
    labels: Mapping[str, str] | None = None,
) -> list[Hit]:
    catalog = catalog or catalog_of(*TOOLS)
    index = SearchIndex(meaning)
    index.update(catalog, catalog.clusters)
    found = index.search(catalog, query, limit, labels)
    return ranked(found, query, (worth or {}).get, wanted_hits(limit))


def names(query: str, catalog: Catalog | None = None, **how) -> list[str]:
    return [hit.cluster.tool.name for hit in search(query, catalog, **how)]


def test_a_word_in_the_name_beats_one_in_the_description():
    assert names("weather") == ["weather_history", "forecast", "sql"]


def test_the_whole_name_comes_first():
    assert names("SQL")[0] == "sql"
    assert names("stock_prices")[0] == "stock_prices"


def test_number_case_and_fillers_do_not_matter():
    assert names("the Price of STOCKS") == ["stock_prices"]


def test_the_beginning_of_a_word_is_enough():
    assert names("fore") == ["forecast"]
    assert names("fo") == []


def test_a_word_is_found_in_every_form_of_it():
    assert names("forecasting") == ["forecast"]
    assert names("who asked the databases?")[0] == "sql"


def test_a_hit_says_which_words_were_found_where():
    (hit,) = search("ticker price")
    assert hit.reason == "name: price; title: ticker"
    assert hit.score > 0
    assert (hit.words, hit.meaning, hit.worth) == (1.0, None, None)


def test_a_capability_is_found_by_its_words():
    catalog = catalog_of(*TOOLS, Tool("bank", capability="exchange_rates"))
    (hit,) = search("exchange rate", catalog)
    assert hit.reason == "capability: exchange, rate"


def test_what_was_measured_moves_equals_and_is_told():
    tools = [Tool(name, "The rate of a currency.") for name in "abcd"]
    worth = {"b": Estimate(0.9, 0.8, 1.0), "d": Estimate(0.1, 0.0, 0.2)}
    hits = search("currency", catalog_of(*tools), worth=worth)
    assert [hit.cluster.tool.name for hit in hits] == ["b", "a", "c", "d"]
    assert hits[0].reason == "description: currency; worth 0.90 (0.80 to 1.00)"
    assert hits[1].reason == "description: currency"


def test_what_was_measured_does_not_outweigh_the_words():
    worth = {"sql": Estimate(1.0, 1.0, 1.0), "weather_history": Estimate(0.3, 0.2, 0.4)}
    assert names("weather history", worth=worth)[0] == "weather_history"


def test_a_tool_that_does_better_is_found_beyond_the_limit():
    tools = [Tool(f"rate{number}", "The rate of a currency.") for number in range(9)]
    worth = {"rate8": Estimate(0.9, 0.8, 1.0)}
    assert names("currency", catalog_of(*tools), worth=worth, limit=3)[0] == "rate8"


def test_labels_and_limit_narrow_the_answer():
    tools = [Tool(f"echo-{n}", labels={"odd": str(n % 2)}) for n in range(30)]
    assert len(names("echo", catalog_of(*tools))) == 10
    assert names("echo", catalog_of(*tools), limit=2, labels={"odd": "1"}) == ["echo-1", "echo-11"]


@pytest.mark.parametrize(("query", "limit"), [("", 0), (" -- ", 0), ("x", -1)])
def test_a_search_for_nothing_is_refused(query, limit):
    with pytest.raises(InvalidCall):
        names(query, limit=limit)


def test_the_index_follows_the_catalog():
    index = SearchIndex()
    before = catalog_of(*TOOLS)
    index.update(before, before.clusters)
    assert index.search(before, "weather")
    later = catalog_of(Tool("forecast", "Tells fortunes."), TOOLS[2])
    index.update(later, ["forecast", "sql", "weather_history", "never_there"])
    assert index.search(later, "weather") == []
    assert [each.cluster.tool.name for each in index.search(later, "fortune")] == ["forecast"]
    assert index.search(later, "ticker")
    assert repr(index) == "SearchIndex(2 tools)"


def test_labels_do_not_run_into_each_other():
    tools = [Tool("one", labels={"k": "v=w"}), Tool("two", labels={"k=v": "w"})]
    assert names("one two", catalog_of(*tools), labels={"k": "v=w"}) == ["one"]


@given(
    steps=st.lists(
        st.dictionaries(
            st.sampled_from("abcdef"), st.sampled_from(["red fox", "blue fox", "red hen"])
        ),
        max_size=6,
    )
)
def test_whatever_changed_the_index_finds_what_is_there(steps: list[dict[str, str]]) -> None:
    index, before = SearchIndex(), Catalog()
    for step in steps:
        catalog = catalog_of(*(Tool(name, text) for name, text in step.items()))
        index.update(catalog, before.clusters.keys() | catalog.clusters.keys())
        before = catalog
        for word in ("red", "fox", "hen"):
            found = {each.cluster.tool.name for each in index.search(catalog, word)}
            assert found == {name for name, text in step.items() if word in text}


class Letters:
    """A model that knows what texts mean by their letters."""

    def encode(self, texts: Sequence[str]) -> list[list[float]]:
        return [[float(text.count(each)) for each in "aeioxyz"] for text in texts]


def test_a_meaning_is_found_where_no_word_is():
    meaning = Vectors(Letters().encode)
    tools = (Tool("xylo", "zzz"), Tool("aea", "ooo"))
    hits = search("yxz", catalog_of(*tools), meaning=meaning)
    assert [hit.cluster.tool.name for hit in hits] == ["xylo"]
    assert hits[0].words == 0.0
    assert hits[0].meaning is not None
    assert hits[0].reason == f"meaning {hits[0].meaning:.2f}"
    # One that has the word too comes first.
    hits = search("aea", catalog_of(*tools, Tool("aeaeo")), meaning=meaning)
    assert [hit.cluster.tool.name for hit in hits] == ["aea", "aeaeo"]
    assert hits[0].reason.startswith("it is called so; name: aea; meaning ")


def test_meanings_follow_the_catalog_and_the_labels():
    meaning = Vectors(Letters().encode)
    index = SearchIndex(meaning)
    first = catalog_of(*(Tool(f"x{n}", "xyz", labels={"odd": str(n % 2)}) for n in range(200)))
    index.update(first, first.clusters)
    assert len(index.search(first, "xyz", 100)) == 200
    found = index.search(first, "zyx", 100, {"odd": "1"})
    assert len(found) == 100
    second = catalog_of(first.clusters["x7"][0].tool, Tool("y", "yyy"))
    index.update(second, [*first.clusters, "y"])
    assert repr(meaning) == "Vectors(2 tools)"
    assert {each.cluster.tool.name for each in index.search(second, "zyx")} == {"x7", "y"}


def test_a_text_that_means_nothing_is_like_no_other():
    meaning = Vectors(Letters().encode)
    assert meaning.nearest("x", 3) == []
    meaning.put([("nothing", "ggg"), ("x", "x")])
    assert meaning.nearest("xx", 2) == [("x", 1.0), ("nothing", 0.0)]


def test_words_of_any_writing_are_split():
    assert words_of("getHTTPResponse snake_case-Überblick v2") == [
        "get", "http", "response", "snake", "case", "überblick", "v", "2",
    ]  # fmt: skip
    assert query_words("the of") == ["the", "of"]


def test_an_unknown_tool_names_the_nearest():
    with pytest.raises(ToolNotFound, match="forecast"):
        find_tool(catalog_of(*TOOLS), "forcast")


def test_an_unknown_version_names_those_that_there_are():
    assert find_tool(catalog_of(Tool("t", version="1")), "t", "1").tool.version == "1"
    with pytest.raises(ToolNotFound, match="no version '2'; it has 1"):
        find_tool(catalog_of(Tool("t", version="1")), "t", "2")


def test_a_name_like_no_other_is_told_where_to_look() -> None:
    with pytest.raises(ToolNotFound, match="list the tools"):
        find_tool(catalog_of(*TOOLS), "zzzzzzzz")
    with pytest.raises(ToolNotFound, match="start a tool server with this router's address"):
        find_tool(catalog_of(), "zzzzzzzz")


def test_prompts_are_no_hint_for_who_means_a_tool():
    prompt = Tool("prompt:forecasts", kind=Prompt())
    catalog = catalog_of(*TOOLS, prompt)
    with pytest.raises(ToolNotFound) as caught:
        find_tool(catalog, "forecas")
    assert "prompt:" not in str(caught.value)
    assert "did you mean forecast" in str(caught.value)
    with pytest.raises(ToolNotFound, match="did you mean prompt:forecasts"):
        find_tool(catalog, "prompt:forecast")
