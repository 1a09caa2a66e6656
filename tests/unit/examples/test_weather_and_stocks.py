import pytest

from examples import stocks, weather
from mcpmesh import CallResult, Chunk, ToolError
from tests.unit.examples.serving import calling


async def test_weather_history_gives_the_days_asked_for():
    async with calling(weather.app) as client:
        result = await client.call(
            "weather_history",
            {"start": "2012-01-01", "days": 2},
            result_type=list[weather.Day],
        )
    assert [day.rain_mm for day in result.data] == [0.0, 10.9]
    assert result.data[0].weather == "drizzle"
    assert result.alerts == ()


async def test_weather_history_that_ends_before_its_time_says_so_in_an_alert():
    async with calling(weather.app) as client:
        result = await client.call("weather_history", {"start": "2015-12-30"})
    assert len(result.data) == 2
    assert result.alerts == ("Only 2 of 7 days: the data are of 2012-01-01 to 2015-12-31.",)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("weather_history", {"start": "1999-01-01"}, "no weather for 1999-01-01; ask"),
        ("weather_month", {"year": 1999, "month": 1}, "no weather for 1999-01; ask"),
        ("weather_month", {"year": 2012, "month": 13}, "month"),
        ("weather_history", {"start": "soon"}, "start"),
    ],
)
async def test_weather_refuses_with_a_sentence_that_names_the_reason(tool, arguments, message):
    async with calling(weather.app) as client:
        with pytest.raises(ToolError, match=message):
            (await client.call(tool, arguments)).raise_for_error()


async def test_weather_month_sums_up():
    async with calling(weather.app) as client:
        month = await client.call(
            "weather_month", {"year": 2012, "month": 7}, result_type=weather.Month
        )
    assert sum(month.data.days.values()) == 31
    assert month.data.rain_mm == 26.3
    assert month.data.hottest.high_c == max(
        day.high_c for day in weather.DAYS.values() if f"{day.day:%Y-%m}" == "2012-07"
    )


async def test_stock_prices_come_one_by_one_in_order():
    async with (
        calling(stocks.app) as client,
        client.stream("prices", {"symbol": "MSFT", "delay": 0}) as events,
    ):
        seen = [event async for event in events]
    prices = [stocks.Price.model_validate(e.data) for e in seen if isinstance(e, Chunk)]
    assert prices == stocks.PRICES["MSFT"]
    assert len(prices) == 123
    assert isinstance(seen[-1], CallResult)


@pytest.mark.parametrize(
    ("day", "usd"), [("2000-01-01", 39.81), ("2000-02-15", 36.35), ("2030-01-01", 28.8)]
)
async def test_quote_is_the_last_price_not_after_the_day(day, usd):
    async with calling(stocks.app) as client:
        quote = await client.call("quote", {"symbol": "MSFT", "day": day}, result_type=stocks.Price)
    assert quote.data.usd == usd


async def test_quote_before_the_stock_was_traded_is_refused():
    async with calling(stocks.app) as client:
        result = await client.call("quote", {"symbol": "GOOG", "day": "2003-01-01"})
    assert result.is_error
    assert result.text == "there is no price of GOOG before 2004-08-01"


async def test_quotes_answers_each_message_of_a_conversation():
    async with calling(stocks.app) as client, client.converse("quotes") as talk:
        await talk.send({"symbol": "MSFT", "day": "2000-01-01"})
        assert (await anext(talk)).data["usd"] == 39.81
        await talk.send({"symbol": "MSFT", "day": "2000-02-01"})
        assert (await anext(talk)).data["usd"] == 36.35
        await talk.done_writing()
        assert not (await anext(talk)).is_error
