"""The official Python client, 2.x: both eras."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from checks import main
from mcp.client.client import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import ElicitResult, PromptReference

_MODES = {"legacy": "legacy", "modern": "auto"}


class Official:
    """The client behind plain functions."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.version = client.protocol_version

    async def tools(self) -> list[str]:
        return [each.name for each in (await self._client.list_tools()).tools]

    async def call(self, tool: str, arguments: Any, progress: Any = None) -> dict[str, Any]:
        async def hear(now: float, total: float | None, _message: str | None) -> None:
            progress(now, total)

        told = await self._client.call_tool(
            tool, arguments, progress_callback=hear if progress else None
        )
        content = [each.model_dump(by_alias=True) for each in told.content]
        return {
            "error": told.is_error or False,
            "structured": told.structured_content,
            "content": content,
        }

    async def begin(self, tool: str, arguments: Any) -> Callable[[], Awaitable[None]]:
        call = asyncio.create_task(self._client.call_tool(tool, arguments))

        async def cancel() -> None:
            call.cancel()
            await asyncio.wait([call])

        return cancel

    async def resources(self) -> list[str]:
        return [str(each.uri) for each in (await self._client.list_resources()).resources]

    async def templates(self) -> list[str]:
        listed = await self._client.list_resource_templates()
        return [each.uri_template for each in listed.resource_templates]

    async def read(self, uri: str) -> str:
        return (await self._client.read_resource(uri)).contents[0].text

    async def prompts(self) -> list[str]:
        return [each.name for each in (await self._client.list_prompts()).prompts]

    async def get(self, prompt: str, arguments: Any) -> str:
        return (await self._client.get_prompt(prompt, arguments)).messages[0].content.text

    async def complete(self, prompt: str, argument: str, value: str) -> list[str]:
        told = await self._client.complete(
            PromptReference(name=prompt), {"name": argument, "value": value}
        )
        return told.completion.values


@asynccontextmanager
async def open_client(target: str, era: str, answer: dict[str, Any]) -> AsyncIterator[Official]:
    """Connect."""

    async def asked(_context: Any, params: Any) -> ElicitResult:
        [wanted] = params.requested_schema["properties"]
        return ElicitResult(action="accept", content={wanted: answer["answer"]})

    server: Any = target
    if target.endswith("/sse"):
        server = sse_client(target)
    elif not target.startswith("http"):
        program, *arguments = json.loads(target)
        server = stdio_client(StdioServerParameters(command=program, args=arguments))
    async with Client(server, mode=_MODES[era], elicitation_callback=asked) as client:
        yield Official(client)


if __name__ == "__main__":
    main(open_client)
