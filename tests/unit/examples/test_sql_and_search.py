import pytest

from examples import search, sql
from mcpmesh import ToolError
from tests.unit.examples.serving import calling

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


async def test_sql_query_reads_real_rows():
    async with calling(sql.app) as client:
        result = await client.call(
            "sql_query",
            {"sql": "SELECT iata, latitude FROM airports WHERE city = 'Seattle' ORDER BY iata"},
            result_type=sql.Table,
        )
    assert result.data.columns == ["iata", "latitude"]
    assert ["SEA", 47.44898194] in result.data.rows
    assert not result.data.more


async def test_sql_query_gives_no_more_rows_than_asked_for():
    async with calling(sql.app) as client:
        result = await client.call("sql_query", {"sql": "SELECT * FROM weather", "limit": 3})
    assert len(result.data["rows"]) == 3
    assert result.data["more"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM stocks",
        "INSERT INTO stocks VALUES (1, 2, 3)",
        "CREATE TABLE mine (a)",
        "DROP TABLE stocks",
        "ATTACH DATABASE '/tmp/x.db' AS x",
        "PRAGMA query_only = 0",
        "SELECT load_extension('x')",
        "VACUUM INTO '/tmp/x.db'",
        "BEGIN",
    ],
)
async def test_sql_query_refuses_what_is_no_reading(statement):
    async with calling(sql.app) as client:
        with pytest.raises(ToolError, match="Only SELECT is allowed"):
            (await client.call("sql_query", {"sql": statement})).raise_for_error()
        left = await client.call("sql_query", {"sql": "SELECT count(*) FROM stocks"})
    assert left.data["rows"] == [[560]]


async def test_sql_query_stops_one_that_takes_too_long(monkeypatch):
    monkeypatch.setattr(sql, "MAX_SECONDS", 0.2)
    async with calling(sql.app) as client:
        with pytest.raises(ToolError, match="interrupted"):
            (await client.call("sql_query", {"sql": ENDLESS})).raise_for_error()


async def test_sql_query_refuses_values_that_would_fill_the_memory():
    async with calling(sql.app) as client:
        result = await client.call("sql_query", {"sql": "SELECT hex(zeroblob(1000000000))"})
    assert result.is_error
    assert "too big" in result.text


async def test_sql_errors_say_what_is_wrong():
    async with calling(sql.app) as client:
        result = await client.call("sql_query", {"sql": "SELECT speed FROM airports"})
    assert "no such column: speed" in result.text


async def test_sql_shows_bytes_as_sql_does():
    async with calling(sql.app) as client:
        result = await client.call("sql_query", {"sql": "SELECT x'00ff' AS b, NULL, 1.5"})
    assert result.data["rows"] == [["x'00ff'", None, 1.5]]


async def test_sql_tables_names_tables_and_columns():
    async with calling(sql.app) as client:
        tables = (await client.call("sql_tables")).data
    assert tables["stocks"] == ["symbol", "date", "price"]
    assert set(tables) == {"airports", "weather", "stocks"}


async def test_search_finds_the_passage_that_fits_best():
    async with calling(search.app) as client:
        hits = await client.call(
            "docs_search", {"query": "decorator expressions function"}, result_type=list[search.Hit]
        )
        text = await client.call("docs_read", {"topic": hits.data[0].topic}, result_type=str)
    assert len(hits.data) == 5
    assert "**" in hits.data[0].passage
    assert [hit.score for hit in hits.data] == sorted((h.score for h in hits.data), reverse=True)
    assert "decorator" in text.data


@pytest.mark.parametrize("query", ["NOT AND", '"unbalanced', "a* OR", "x NEAR/2 y"])
async def test_search_takes_operators_as_words(query):
    async with calling(search.app) as client:
        assert not (await client.call("docs_search", {"query": query})).is_error


async def test_search_says_which_topics_there_are():
    async with calling(search.app) as client:
        nothing = await client.call("docs_search", {"query": "?!"})
        unknown = await client.call("docs_read", {"topic": "cooking"})
    assert "has no words" in nothing.text
    assert "topics: " in unknown.text
