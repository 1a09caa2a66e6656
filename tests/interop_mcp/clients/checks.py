"""What every client must be able to do: run with any client behind a few plain functions.

Runs in the environment of the client under test: only the standard library is imported.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

#: Seconds for one check.
_PATIENCE = 30


class Client(Protocol):
    """A client, connected: results are plain values."""

    version: str

    async def tools(self) -> list[str]: ...
    async def call(self, tool: str, arguments: Any, progress: Any = None) -> dict[str, Any]: ...
    async def begin(self, tool: str, arguments: Any) -> Callable[[], Awaitable[None]]:
        """Begin a call; what is returned cancels it."""

    async def resources(self) -> list[str]: ...
    async def templates(self) -> list[str]: ...
    async def read(self, uri: str) -> str: ...
    async def prompts(self) -> list[str]: ...
    async def get(self, prompt: str, arguments: Any) -> str: ...
    async def complete(self, prompt: str, argument: str, value: str) -> list[str]: ...


#: Opens a client: how to reach the bridge, the era, and the answer to what is asked.
Open = Callable[[str, str, dict[str, Any]], AbstractAsyncContextManager[Client]]


async def lists_tools(client: Client) -> None:
    tools = await client.tools()
    _same(tools, sorted(tools))
    _same("add" in tools, True)


async def calls(client: Client) -> None:
    told = await client.call("add", {"a": 1, "b": 2})
    _same((told["error"], told["structured"]), (False, {"sum": 3}))
    many = await asyncio.gather(*(client.call("add", {"a": i, "b": 1}) for i in range(20)))
    _same([each["structured"]["sum"] for each in many], list(range(1, 21)))


async def sees_pictures(client: Client) -> None:
    told = await client.call("picture", {})
    _same([(each["type"], each["mimeType"]) for each in told["content"]], [("image", "image/png")])


async def sees_a_tools_failure(client: Client) -> None:
    told = await client.call("fails", {})
    _same((told["error"], told["content"][0]["text"]), (True, "this tool fails"))


async def is_told_of_an_unknown_tool(client: Client) -> None:
    try:
        told = await client.call("nix", {})
    except Exception as error:
        _same("nix" in str(error), True)
    else:
        raise AssertionError(f"it was answered: {told}")


async def reads_resources(client: Client) -> None:
    _same("books://all" in await client.resources(), True)
    _same(await client.read("books://all"), "Emma, Ulysses")


async def reads_by_template(client: Client) -> None:
    _same(await client.templates(), ["books://{title}/page/{number}"])
    _same(await client.read("books://Emma/page/2"), "page 2 of Emma")


async def gets_prompts(client: Client) -> None:
    _same(await client.prompts(), ["review"])
    _same(await client.get("review", {"title": "Emma"}), "Review Emma.")


async def completes(client: Client) -> None:
    _same(await client.complete("review", "title", "Ul"), ["Ulysses"])


async def hears_progress(client: Client) -> None:
    heard: list[tuple[float, float | None]] = []
    told = await client.call("count", {"steps": 3}, lambda now, total: heard.append((now, total)))
    _same(told["content"][0]["text"], "counted")
    _same(heard, [(1, 3), (2, 3), (3, 3)])


async def is_asked(client: Client) -> None:
    told = await client.call("greet", {})
    _same((told["error"], told["content"][0]["text"]), (False, "Hello, Ada!"))


async def cancels(client: Client) -> None:
    key = uuid.uuid4().hex
    cancel = await client.begin("wait", {"key": key})
    _same((await client.call("began", {"key": key}))["content"][0]["text"], "yes")
    await cancel()
    _same((await client.call("cancelled", {"key": key}))["content"][0]["text"], "yes")


CHECKS: dict[str, Callable[[Client], Awaitable[None]]] = {
    "tools/list": lists_tools,
    "tools/call": calls,
    "image content": sees_pictures,
    "tool failure": sees_a_tools_failure,
    "unknown tool": is_told_of_an_unknown_tool,
    "resources": reads_resources,
    "resource templates": reads_by_template,
    "prompts": gets_prompts,
    "completion": completes,
    "progress": hears_progress,
    "elicitation": is_asked,
    "cancellation": cancels,
}


def main(open_client: Open) -> None:
    """Check what the command line names: TARGET (a URL, or a command as JSON), and ERA."""
    target, era = sys.argv[1:]
    asyncio.run(_run(open_client, target, era))


async def _run(open_client: Open, target: str, era: str) -> None:
    async with open_client(target, era, {"answer": "Ada", "name": "Ada"}) as client:
        _same(client.version >= "2026-07-28", era == "modern")
        for name, check in CHECKS.items():
            wrong = ""
            try:
                async with asyncio.timeout(_PATIENCE):
                    await check(client)
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            print(json.dumps({"case": name, "wrong": wrong}), flush=True)


def _same(found: Any, wanted: Any) -> None:
    if found != wanted:
        raise AssertionError(f"{found!r} instead of {wanted!r}")
