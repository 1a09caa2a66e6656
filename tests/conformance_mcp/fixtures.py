"""The tools, prompts and resources that the MCP conformance suite asks for, on a mesh."""

import asyncio
import json
import sys
from base64 import b64decode
from typing import Any

from mcpmesh import Image, Message, ToolContext, ToolFailure, ToolServer
from mcpmesh.v1 import tool_pb2

app = ToolServer("conformance", lease_ttl=5.0)
#: One red pixel, and a moment of silence.
PNG = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
WAV = b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\2\0\0\0\0\0"
_PAUSE = 0.05
#: Seconds; longer than a stream stays on its connection (see __main__.py).
_LONG = 4.0
#: Seconds; what comes and goes at once is no change.
_VISIT = 0.3
JSON_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {
        "properties": {"contactMethod": {"const": "phone"}},
        "required": ["contactMethod"],
    },
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def _embedded(uri: str, mime_type: str, text: str) -> tool_pb2.EmbeddedResource:
    return tool_pb2.EmbeddedResource(uri=uri, mime_type=mime_type, text=text)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _options(count: int, *, value: str, title: str) -> list[dict[str, str]]:
    numbers = ("First", "Second", "Third")[:count]
    return [
        {"const": f"{value}{place}", "title": f"{number} {title}"}
        for place, number in enumerate(numbers, start=1)
    ]


async def _elicit(ctx: ToolContext, key: str, message: str, schema: dict[str, Any]) -> Any:
    params = {"message": message, "requestedSchema": schema}
    return await ctx.request_input("elicitation/create", params, key=key)


async def _sample(ctx: ToolContext, key: str, prompt: str, tokens: int = 100) -> str:
    message = {"role": "user", "content": {"type": "text", "text": prompt}}
    params = {"messages": [message], "maxTokens": tokens}
    answer = await ctx.request_input("sampling/createMessage", params, key=key)
    content = answer.get("content")
    return str(content.get("text", "")) if isinstance(content, dict) else ""


# What a tool may answer


@app.tool
async def test_simple_text():
    """Says one sentence."""
    return "This is a simple text response for testing."


@app.tool
async def test_image_content():
    """Shows a picture."""
    return Image(PNG)


@app.tool
async def test_audio_content():
    """Plays a sound."""
    return tool_pb2.AudioContent(data=WAV, mime_type="audio/wav")


@app.tool
async def test_embedded_resource():
    """Carries a resource along."""
    text = "This is an embedded resource content."
    return _embedded("test://embedded-resource", "text/plain", text)


@app.tool
async def test_multiple_content_types():
    """Answers with blocks of three kinds."""
    mixed = _embedded(
        "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
    )
    return ["Multiple content types test:", Image(PNG), mixed]


@app.tool
async def test_error_handling():
    """Fails."""
    raise ToolFailure("This tool intentionally returns an error for testing")


@app.tool(input_schema=JSON_SCHEMA)
async def json_schema_2020_12_tool(arguments: dict[str, Any]):
    """Takes what a schema with many keywords allows."""
    return json.dumps(arguments)


_HEADERS = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
    "required": ["region"],
}


@app.tool(input_schema=_HEADERS)
async def test_headers(arguments: dict[str, Any]):
    """Takes an argument that HTTP headers repeat."""
    return str(arguments["region"])


# What a tool says while it runs


@app.tool
async def test_tool_with_logging(ctx: ToolContext):
    """Logs three lines."""
    await ctx.log("info", "Tool execution started")
    await asyncio.sleep(_PAUSE)
    await ctx.log("info", "Tool processing data")
    await asyncio.sleep(_PAUSE)
    await ctx.log("info", "Tool execution completed")
    return "Logged three lines."


@app.tool
async def test_logging_tool(ctx: ToolContext):
    """Logs a line."""
    await ctx.log("info", "A line for whoever asked for lines")
    return "Logged a line."


@app.tool
async def test_reconnection():
    """Takes so long that the bridge gives the connection back, and the client has to come again."""
    await asyncio.sleep(_LONG)
    return "Worth the wait."


@app.tool
async def test_tool_with_progress(ctx: ToolContext):
    """Tells how far it is."""
    for progress in (0, 50, 100):
        await ctx.progress(progress, 100)
        await asyncio.sleep(_PAUSE)
    return "Came to the end."


# What changes the lists: another server that joins the mesh for a moment


async def _visit(visitor: ToolServer) -> str:
    [router] = [each for each in sys.argv if each.startswith("--router=")]
    await visitor.start(router=router.removeprefix("--router="))
    await visitor.registered()
    await asyncio.sleep(_VISIT)
    await visitor.stop(0)
    return f"{visitor.name} came and went."


@app.tool
async def test_trigger_tool_change():
    """Changes the list of tools."""
    visitor = ToolServer("visitor")
    visitor.tool(name="test_visiting_tool", description="Comes and goes.")(lambda: "here")
    return await _visit(visitor)


@app.tool
async def test_trigger_prompt_change():
    """Changes the list of prompts."""
    visitor = ToolServer("visitor")
    visitor.prompt(name="test_visiting_prompt", description="Comes and goes.")(lambda: "here")
    return await _visit(visitor)


# What a tool asks


@app.tool
async def test_sampling(prompt: str, ctx: ToolContext):
    """Asks the client's model."""
    return f"LLM response: {await _sample(ctx, 'sample', prompt)}"


@app.tool
async def test_elicitation(message: str, ctx: ToolContext):
    """Asks the user."""
    schema = _object(
        username={"type": "string", "description": "User's response"},
        email={"type": "string", "description": "User's email address"},
    )
    answer = await _elicit(ctx, "user", message, schema)
    return f"User response: {json.dumps(answer)}"


@app.tool
async def test_elicitation_sep1034_defaults(ctx: ToolContext):
    """Asks with defaults."""
    schema = _object(
        name={"type": "string", "default": "John Doe"},
        age={"type": "integer", "default": 30},
        score={"type": "number", "default": 95.5},
        status={
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        verified={"type": "boolean", "default": True},
    )
    return _completed(await _elicit(ctx, "defaults", "Please check", schema))


@app.tool
async def test_elicitation_sep1330_enums(ctx: ToolContext):
    """Asks with choices of five kinds."""
    plain = ["option1", "option2", "option3"]
    schema = _object(
        untitledSingle={"type": "string", "enum": plain},
        titledSingle={"type": "string", "oneOf": _options(3, value="value", title="Option")},
        legacyEnum={
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        untitledMulti={"type": "array", "items": {"type": "string", "enum": plain}},
        titledMulti={
            "type": "array",
            "items": {"anyOf": _options(3, value="value", title="Choice")},
        },
    )
    return _completed(await _elicit(ctx, "choices", "Please choose", schema))


def _completed(answer: Any) -> str:
    content = json.dumps(answer.get("content", {}))
    return f"Elicitation completed: action={answer.get('action')}, content={content}"


@app.tool
async def test_streaming_elicitation(ctx: ToolContext):
    """Tells how far it is, then asks."""
    await ctx.progress(1, 2)
    return _completed(await _elicit(ctx, "go", "Go on?", _object(ok={"type": "boolean"})))


@app.tool
async def test_missing_capability(ctx: ToolContext):
    """Asks the client's model, which not every client has."""
    return await _sample(ctx, "sample", "Say something")


@app.tool
async def test_input_required_result_capabilities(ctx: ToolContext):
    """Asks the client's model."""
    return await _sample(ctx, "sample", "Say something")


@app.tool
async def test_input_required_result_elicitation(ctx: ToolContext):
    """Asks for a name."""
    form = _object(name={"type": "string"})
    answer = await _elicit(ctx, "user_name", "What is your name?", form)
    return f"Hello, {answer['content']['name']}!"


@app.tool
async def test_input_required_result_sampling(ctx: ToolContext):
    """Asks the client's model for a capital."""
    return await _sample(ctx, "capital_question", "What is the capital of France?")


@app.tool
async def test_input_required_result_list_roots(ctx: ToolContext):
    """Asks for the client's roots."""
    answer = await ctx.request_input("roots/list", {}, key="client_roots")
    return f"Roots: {json.dumps(answer.get('roots'))}"


@app.tool
async def test_input_required_result_request_state(ctx: ToolContext):
    """Asks for a confirmation."""
    form = _object(ok={"type": "boolean"})
    await _elicit(ctx, "confirm", "Please confirm", form)
    return "state-ok"


@app.tool
async def test_input_required_result_tampered_state(ctx: ToolContext):
    """Asks for a confirmation."""
    form = _object(ok={"type": "boolean"})
    await _elicit(ctx, "confirm", "Please confirm", form)
    return "state-ok"


@app.tool
async def test_input_required_result_multiple_inputs(ctx: ToolContext):
    """Asks three things at once."""
    form = _object(name={"type": "string"})
    name, greeting, roots = await asyncio.gather(
        _elicit(ctx, "user_name", "What is your name?", form),
        _sample(ctx, "greeting", "Generate a greeting", 50),
        ctx.request_input("roots/list", {}, key="client_roots"),
    )
    return f"{greeting} {name['content']['name']}, of {len(roots['roots'])} roots"


@app.tool
async def test_input_required_result_multi_round(ctx: ToolContext):
    """Asks for a name, then for a colour."""
    named = await _elicit(
        ctx, "step1", "Step 1: What is your name?", _object(name={"type": "string"})
    )
    liked = await _elicit(
        ctx,
        "step2",
        "Step 2: What is your favorite color?",
        _object(color={"type": "string"}),
    )
    return f"{named['content']['name']} likes {liked['content']['color']}"


# Prompts


@app.prompt
async def test_simple_prompt():
    """Says one sentence."""
    return "This is a simple prompt for testing."


async def _cities(value: str) -> list[str]:
    return [city for city in ("paris", "park", "party") if city.startswith(value)]


@app.prompt(complete={"arg1": _cities})
async def test_prompt_with_arguments(arg1: str, arg2: str):
    """Repeats its arguments.

    Args:
        arg1: First test argument
        arg2: Second test argument
    """
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@app.prompt
async def test_prompt_with_embedded_resource(resourceUri: str):
    """Carries a resource along.

    Args:
        resourceUri: URI of the resource to embed
    """
    resource = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [resource, Message("Please process the embedded resource above.")]


@app.prompt
async def test_prompt_with_image():
    """Shows a picture."""
    return [Image(PNG), "Please analyze the image above."]


@app.prompt
async def test_input_required_result_prompt(ctx: ToolContext):
    """Asks for a context."""
    form = _object(context={"type": "string"})
    answer = await _elicit(ctx, "user_context", "What context should the prompt use?", form)
    return f"Use this context: {answer['content']['context']}"


# Resources


@app.resource("test://static-text", mime_type="text/plain")
async def static_text():
    """Text that stays the same."""
    return "This is the content of the static text resource."


@app.resource("test://static-binary", mime_type="image/png")
async def static_binary():
    """A picture that stays the same."""
    return PNG


@app.resource("test://watched-resource", mime_type="text/plain")
async def watched():
    """Text that somebody may watch."""
    return "Nothing new."


@app.resource("test://template/{id}/data", mime_type="application/json")
async def by_id(id: str):
    """Data of an id."""
    return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}
