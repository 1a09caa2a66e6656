"""A small MCP server for tests, on the official package: over stdio, or over HTTP at a port."""

import asyncio
import os
import sys

import mcp_types as types
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("toys")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def whoami() -> str:
    """Tell which process this is."""
    return str(os.getpid())


@server.tool()
def environment(name: str) -> str:
    """Tell a variable of the environment."""
    return os.environ.get(name, "(unset)")


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("out of paint")


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Count, with progress."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"at {number}")
    return "done"


@server.tool()
async def hang() -> str:
    """Never end."""
    print("hanging", file=sys.stderr, flush=True)
    try:
        await asyncio.Event().wait()
    except BaseException:
        print("cancelled", file=sys.stderr, flush=True)
        raise
    return ""


@server.tool()
def die() -> str:
    """End the process."""
    os._exit(3)


@server.tool()
async def ask(ctx: Context) -> str | types.InputRequiredResult:
    """Ask the user twice: two questions at once, then one more."""
    answers, state = ctx.input_responses or {}, ctx.request_state
    colours = [each.content["colour"] for _, each in sorted(answers.items())]
    if state is None:
        return types.InputRequiredResult(
            input_requests={"a": question("a"), "b": question("b")}, request_state="first"
        )
    if state == "first":
        told = "first: " + ", ".join(colours)
        return types.InputRequiredResult(input_requests={"c": question("c")}, request_state=told)
    return f"{state}; then: {colours[0]}"


def question(name: str) -> types.ElicitRequest:
    """Return the form for one question."""
    schema = {"type": "object", "properties": {"colour": {"type": "string"}}}
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(
            message=f"Which colour, {name}?", requested_schema=schema
        )
    )


@server.tool()
async def grow(ctx: Context) -> str:
    """Add a tool, and say so."""

    def grown() -> str:
        return "grown"

    server.add_tool(grown)
    await ctx.notify_tools_changed()
    return "ok"


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Say hello to {name}."


@server.resource("toy://shelf", mime_type="text/plain")
def shelf() -> str:
    """What is on the shelf."""
    return "ball, kite"


@server.resource("toy://box/{name}")
def box(name: str) -> str:
    """What is in a box."""
    return f"a {name}"


@server.completion()
async def complete(
    ref: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
    context: types.CompletionContext | None,
) -> types.Completion:
    """Complete names."""
    names = [name for name in ("Ann", "Anton", "Bea") if name.startswith(argument.value)]
    return types.Completion(values=names, total=len(names), has_more=False)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        transport = sys.argv[2] if len(sys.argv) > 2 else "streamable-http"
        server.run(transport=transport, host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
