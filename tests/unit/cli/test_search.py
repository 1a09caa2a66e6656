"""`mcpmesh search` and `mcpmesh choices` against a router: what people and programs read."""

import json

import pytest

from mcpmesh.cli.connect import Reach
from mcpmesh.cli.exits import Exit
from mcpmesh.cli.search import list_choices, search_tools
from mcpmesh.errors import InvalidCall, ToolNotFound
from tests.unit.router.test_capability_calls import mesh, server


async def test_search_says_why_each_tool_is_where_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with mesh(server("bank"), server("broker")) as (_, client, endpoint):
        for _ in range(3):
            await client.feedback("broker", 1.0)
        assert await search_tools(Reach(endpoint), "currency rates", 1, as_json=False) is Exit.OK
        columns, line = capsys.readouterr().out.splitlines()
        assert columns.split("\t") == ["tool", "score", "why", "what it does"]
        name, _, why, _ = line.split("\t")
        assert name == "broker"
        assert why.startswith("capability: rates; worth ")
        await search_tools(Reach(endpoint), "bank", 10, as_json=True)
        bank, *_ = json.loads(capsys.readouterr().out)
        assert (bank["name"], bank["words"]) == ("bank", 1.0)
        assert bank["reason"].startswith("it is called so; name: bank")
        assert bank["worth"]["low"] < bank["worth"]["high"]
        await search_tools(Reach(endpoint), "xylophone", 10, as_json=False)
        assert "no tool fits" in capsys.readouterr().err
        with pytest.raises(InvalidCall, match="at least one word"):
            await search_tools(Reach(endpoint), "", 10, as_json=False)


async def test_choices_show_what_is_known_and_how_sure_that_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with mesh(server("bank"), server("broker", fails=True)) as (_, client, endpoint):
        for _ in range(40):
            await client.call("rates", {"currency": "CHF"})
        assert await list_choices(Reach(endpoint), "rates", as_json=False) is Exit.OK
        columns, best, worst, total = capsys.readouterr().out.splitlines()
        assert columns.split("\t")[4:] == ["worth", "success", "accuracy", "seconds"]
        assert best.startswith("rates\tbank\tyes\t")
        assert best.split("\t")[6] == "unknown"
        assert " to " in best.split("\t")[4]
        assert worst.startswith("rates\tbroker\tyes\t")
        assert total.startswith("rates: 40 calls, ")
        await list_choices(Reach(endpoint), "", as_json=True)
        choices = json.loads(capsys.readouterr().out)
        assert [each["capability"] for each in choices] == ["asking", "rates"]
        assert choices[1]["tools"][0]["success"]["low"] > 0.5
        with pytest.raises(ToolNotFound, match="did you mean rates"):
            await list_choices(Reach(endpoint), "rate", as_json=False)
