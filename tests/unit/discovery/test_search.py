"""Search ranks rare words and names first, and says why; lookup names the nearest."""

import pytest

from mcpmesh.discovery.lookup import find_tool
from mcpmesh.discovery.search import SearchIndex
from mcpmesh.discovery.words import query_words, words_of
from mcpmesh.errors import InvalidCall, ToolNotFound
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.tool import Tool

TOOLS = (
    Tool("forecast", "Daily weather for a city."),
    Tool("weather_history", "What the weather was on a day."),
    Tool("stock_prices", "Prices of a stock, as they come.", title="Ticker"),
    Tool("sql", "Asks the database of a city's weather stations."),
)


def catalog_of(*tools: Tool) -> Catalog:
    return Catalog(1, {tool.name: (Cluster(tool),) for tool in tools})


def names(query: str, catalog: Catalog | None = None, **how) -> list[str]:
    hits = SearchIndex().search(catalog or catalog_of(*TOOLS), query, **how)
    return [hit.cluster.tool.name for hit in hits]


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


def test_a_hit_says_which_words_were_found_where():
    (hit,) = SearchIndex().search(catalog_of(*TOOLS), "ticker price")
    assert hit.reason == "name: price; title: ticker"
    assert hit.score > 0


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
    index.search(catalog_of(*TOOLS), "weather")
    later = catalog_of(Tool("forecast", "Tells fortunes."), TOOLS[2])
    assert index.search(later, "weather") == []
    assert [hit.cluster.tool.name for hit in index.search(later, "fortune")] == ["forecast"]


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
