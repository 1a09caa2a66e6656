"""Prompts and resources as messages, and as MCP's JSON."""

import orjson
import pytest

from mcpmesh.codec.mcp_entry import (
    contents_json,
    listed_in,
    messages_json,
    prompt_json,
    resource_json,
    template_json,
)
from mcpmesh.codec.tool import tool_from_message, tool_to_message
from mcpmesh.errors import InvalidCall
from mcpmesh.model.prompt import Prompt, PromptArgument
from mcpmesh.model.resource import Resource
from mcpmesh.model.tool import Tool
from mcpmesh.v1 import tool_pb2

PROMPT = Tool(
    "prompt:greet",
    "Greets.",
    title="Greet",
    kind=Prompt(
        (PromptArgument("who", "Who", "whom to greet", required=True), PromptArgument("n"))
    ),
)
RESOURCE = Tool(
    "resource:a://b",
    kind=Resource("a://b", "b", mime_type="text/plain", size=0, audience=("user",), priority=0.5),
)
TEMPLATE = Tool("resource:a://{b}", kind=Resource("a://{b}", "b", template=True))


@pytest.mark.parametrize(
    "tool", [Tool("plain"), PROMPT, RESOURCE, TEMPLATE, Tool("prompt:x", kind=Prompt())]
)
def test_what_is_written_is_read_again(tool):
    assert tool_from_message(tool_to_message(tool)) == tool


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("prompt:x", None),
        ("x", Prompt()),
        ("prompt:a b", Prompt()),
        ("resource:a://c", Resource("a://b", "b")),
        ("a://b", Resource("a://b", "b")),
    ],
)
def test_a_name_says_what_the_entry_is(name, kind):
    with pytest.raises(InvalidCall):
        Tool(name, kind=kind)


def test_what_an_entry_is_decides_its_version():
    other = Tool(RESOURCE.name, kind=Resource("a://b", "b", mime_type="text/html"))
    assert other.version != RESOURCE.version
    assert Tool(PROMPT.name, kind=Prompt()).version != PROMPT.version


def test_entries_are_listed_by_what_they_are():
    messages = [tool_to_message(tool) for tool in (Tool("t"), PROMPT, RESOURCE, TEMPLATE)]
    lists = ["tools", "prompts", "resources", "resourceTemplates"]
    assert [listed_in(message) for message in messages] == lists
    assert orjson.loads(prompt_json(messages[1])) == {
        "name": "greet",
        "title": "Greet",
        "description": "Greets.",
        "arguments": [
            {"name": "who", "title": "Who", "description": "whom to greet", "required": True},
            {"name": "n", "required": False},
        ],
    }
    assert orjson.loads(resource_json(messages[2])) == {
        "uri": "a://b",
        "name": "b",
        "mimeType": "text/plain",
        "size": 0,
        "annotations": {"audience": ["user"], "priority": 0.5},
    }
    assert orjson.loads(template_json(messages[3])) == {"uriTemplate": "a://{b}", "name": "b"}


def test_contents_without_a_uri_have_the_one_that_was_asked_for():
    result = tool_pb2.ToolResult(
        content=[
            tool_pb2.Content(resource=tool_pb2.EmbeddedResource(blob=b"\0")),
            tool_pb2.Content(resource=tool_pb2.EmbeddedResource(uri="c://d", text="t")),
            tool_pb2.Content(text=tool_pb2.TextContent(text="plain")),
        ]
    )
    assert contents_json(result, "a://b", "") == [
        {"uri": "a://b", "mimeType": "application/octet-stream", "blob": "AA=="},
        {"uri": "c://d", "mimeType": "text/plain", "text": "t"},
        {"uri": "a://b", "mimeType": "text/plain", "text": "plain"},
    ]


def test_messages_have_a_role():
    said = [
        tool_pb2.Content(text=tool_pb2.TextContent(text=role), role=role)
        for role in ("user", "assistant", "")
    ]
    told = messages_json(tool_pb2.ToolResult(content=said), "2026-07-28")
    assert [message["role"] for message in told] == ["user", "assistant", "user"]
