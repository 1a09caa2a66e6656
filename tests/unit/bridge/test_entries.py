"""Prompts, resources and completion through the bridge, from a replica behind a router."""

from contextlib import asynccontextmanager

import orjson
import pytest

from mcpmesh import Image, Message, ToolContext, ToolFailure, ToolServer
from mcpmesh.bridge.entries import completion_json
from mcpmesh.bridge.tuning import Tuning
from mcpmesh.v1 import tool_pb2
from tests.unit.bridge.behind_router import mesh_of
from tests.unit.bridge.test_http import legacy, modern, modern_headers, refused


def library() -> ToolServer:
    app = ToolServer("library")

    @app.tool
    async def lend(title: str) -> str:
        """Lends."""
        return title

    @app.resource("books://all", mime_type="text/plain", size=7)
    async def everything():
        """Every book."""
        return "a, b, c"

    @app.resource("books://cover")
    async def cover():
        return b"\x89PNG"

    @app.resource("books://broken")
    async def broken():
        raise ValueError("the shelf fell")

    @app.resource(
        "books://{title}/page/{number}", complete={"title": lambda begun: ["a" * 2, begun]}
    )
    async def page(title: str, number: int):
        """A page."""
        if title == "unknown":
            raise ToolFailure("no such book", code="NOT_FOUND")
        return {"title": title, "number": number}

    async def colours(begun: str, others: dict[str, str]):
        return [f"{begun}-{others.get('title')}"] * 101

    @app.prompt(title="Review", complete={"colour": colours})
    async def review(title: str, colour: str = "red"):
        """Reviews a book."""
        return [f"Review {title} in {colour}", Message(Image(b"p"), role="assistant")]

    @app.prompt
    async def curious(ctx: ToolContext):
        """Asks first."""
        return str(await ctx.ask("Which one?", key="which"))

    @app.prompt
    async def embedded():
        return tool_pb2.EmbeddedResource(uri="books://all", text="a")

    return app


@asynccontextmanager
async def serving(page_size=1000):
    async with mesh_of(library(), Tuning(page_size=page_size)) as mesh:
        yield mesh.http


@pytest.fixture
async def http():
    async with serving() as http:
        yield http


async def read(http, uri, **more):
    headers = modern_headers("resources/read", uri)
    return await modern(http, "resources/read", {"uri": uri}, headers, **more)


async def get(http, name, **arguments):
    return await modern(http, "prompts/get", {"name": name, "arguments": arguments})


async def result(response):
    assert response.status_code == 200, response.text
    return response.json()["result"]


async def test_each_list_has_what_is_its_own(http):
    for method, key, names in (
        ("tools/list", "tools", ["lend"]),
        ("prompts/list", "prompts", ["curious", "embedded", "review"]),
        ("resources/list", "resources", ["everything", "broken", "cover"]),
        ("resources/templates/list", "resourceTemplates", ["page"]),
    ):
        told = await result(await modern(http, method))
        assert sorted(entry["name"] for entry in told[key]) == sorted(names)
        assert told["ttlMs"] > 0
        assert told["resultType"] == "complete"
        old = await result(await legacy(http, method))
        assert old == {key: told[key]}


async def test_lists_come_in_pages():
    async with serving(page_size=2) as http:
        first = await result(await modern(http, "prompts/list"))
        assert [entry["name"] for entry in first["prompts"]] == ["curious", "embedded"]
        params = {"cursor": first["nextCursor"]}
        second = await result(await modern(http, "prompts/list", params))
        assert [entry["name"] for entry in second["prompts"]] == ["review"]
        assert "nextCursor" not in second


async def test_resources_are_read(http):
    told = await result(await read(http, "books://all"))
    assert told["contents"] == [{"uri": "books://all", "mimeType": "text/plain", "text": "a, b, c"}]
    assert (told["ttlMs"], told["cacheScope"], told["resultType"]) == (0, "private", "complete")
    [picture] = (await result(await read(http, "books://cover")))["contents"]
    assert picture["blob"] == "iVBORw=="
    old = await result(await legacy(http, "resources/read", {"uri": "books://all"}))
    assert old["contents"] == told["contents"]
    assert "ttlMs" not in old


async def test_templates_stand_for_what_fits_them(http):
    uri = "books://Moby%20Dick/page/7"
    [page] = (await result(await read(http, uri)))["contents"]
    assert page == {
        "uri": uri,
        "mimeType": "application/json",
        "text": '{"title":"Moby Dick","number":7}',
    }


@pytest.mark.parametrize("uri", ["books://none", "books://unknown/page/1"])
async def test_a_uri_that_nothing_has_is_not_found(http, uri):
    error = refused(await read(http, uri), 400, -32602, 1)
    assert error["data"] == {"uri": uri}
    refused(await legacy(http, "resources/read", {"uri": uri}), 200, -32002, 1)


async def test_failures_of_a_resource_are_errors(http):
    error = refused(await read(http, "books://a/page/x"), 400, -32602, 1)
    assert "number" in error["message"]
    error = refused(await read(http, "books://broken"), 200, -32603, 1)
    assert error["message"] == "ValueError: the shelf fell"
    refused(await legacy(http, "resources/read", {}), 200, -32602, 1)


async def test_prompts_are_got(http):
    told = await result(await get(http, "review", title="Emma"))
    assert told["description"] == "Reviews a book."
    assert told["messages"] == [
        {"role": "user", "content": {"type": "text", "text": "Review Emma in red"}},
        {
            "role": "assistant",
            "content": {"type": "image", "data": "cA==", "mimeType": "image/png"},
        },
    ]
    [message] = (await result(await get(http, "embedded")))["messages"]
    assert message["content"]["resource"]["uri"] == "books://all"


async def test_wrong_prompts_and_arguments_are_refused(http):
    error = refused(await get(http, "reviews"), 400, -32602, 1)
    assert "did you mean review" in error["message"]
    error = refused(await get(http, "review"), 400, -32602, 1)
    assert "title: is required and missing" in error["message"]
    wrong = {"name": "review", "arguments": [1]}
    refused(await modern(http, "prompts/get", wrong), 400, -32602, 1)


async def test_a_prompt_asks_back(http):
    refused(await get(http, "curious"), 400, -32021, 1)
    can = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
    params = {"name": "curious"}
    asked = await result(await modern(http, "prompts/get", params, **can))
    assert list(asked["inputRequests"]) == ["which"]
    answer = {"which": {"action": "accept", "content": {"answer": "Emma"}}}
    params |= {"inputResponses": answer, "requestState": asked["requestState"]}
    told = await result(await modern(http, "prompts/get", params, **can))
    assert told["messages"][0]["content"]["text"] == "Emma"
    refused(await legacy(http, "prompts/get", {"name": "curious"}), 200, -32602, 1)


async def complete(http, ref, name, value, **context):
    argument = {"name": name, "value": value}
    params = {"ref": ref, "argument": argument, "context": {"arguments": context}}
    return await modern(http, "completion/complete", params)


async def test_arguments_are_completed(http):
    template = {"type": "ref/resource", "uri": "books://{title}/page/{number}"}
    told = await result(await complete(http, template, "title", "b"))
    assert told["completion"] == {"values": ["aa", "b"], "total": 2, "hasMore": False}
    told = await result(await complete(http, template, "number", "1"))
    assert told["completion"] == {"values": [], "total": 0, "hasMore": False}
    prompt = {"type": "ref/prompt", "name": "review"}
    told = (await result(await complete(http, prompt, "colour", "g", title="Emma")))["completion"]
    assert (told["values"][0], len(told["values"])) == ("g-Emma", 100)
    assert (told["total"], told["hasMore"]) == (101, True)


@pytest.mark.parametrize(
    "ref",
    [None, {}, {"type": "ref/tool"}, {"type": "ref/prompt"}, {"type": "ref/prompt", "name": "x"}],
)
async def test_a_completion_of_nothing_is_refused(http, ref):
    refused(await complete(http, ref, "a", "b"), 400, -32602, 1)


async def test_health_counts_tools_alone(http):
    assert (await http.get("/readyz")).json()["tools"] == 1


@pytest.mark.parametrize(("count", "more"), [(100, None), (101, True), (5000, True)])
def test_of_a_completion_in_any_language_a_hundred_values_are_passed_on(count, more):
    told = {"values": [str(number) for number in range(count)], "total": count}
    result = tool_pb2.ToolResult(structured_content=orjson.dumps(told))
    completion = completion_json(result)["completion"]
    assert completion["values"] == told["values"][:100]
    assert completion.get("hasMore") is more
    assert completion["total"] == count
