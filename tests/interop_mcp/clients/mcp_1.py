"""The official Python client, 1.x: the legacy era."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from checks import main
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl


class Official:
    """The client behind plain functions."""

    def __init__(self, session: ClientSession, version: str) -> None:
        self._session = session
        self.version = version

    async def tools(self) -> list[str]:
        return [each.name for each in (await self._session.list_tools()).tools]

    async def call(self, tool: str, arguments: Any, progress: Any = None) -> dict[str, Any]:
        async def hear(now: float, total: float | None, _message: str | None) -> None:
            progress(now, total)

        told = await self._session.call_tool(
            tool, arguments, progress_callback=hear if progress else None
        )
        content = [each.model_dump(by_alias=True) for each in told.content]
        return {"error": told.isError, "structured": told.structuredContent, "content": content}

    async def begin(self, tool: str, arguments: Any) -> Callable[[], Awaitable[None]]:
        # This client leaves it to its user to tell the server that it gave up.
        request_id = self._session._request_id
        call = asyncio.create_task(self._session.call_tool(tool, arguments))
        await asyncio.sleep(0)  # it takes its id now

        async def cancel() -> None:
            params = types.CancelledNotificationParams(requestId=request_id, reason="given up")
            told = types.CancelledNotification(params=params)
            await self._session.send_notification(types.ClientNotification(told))
            call.cancel()
            await asyncio.wait([call])

        return cancel

    async def resources(self) -> list[str]:
        return [str(each.uri) for each in (await self._session.list_resources()).resources]

    async def templates(self) -> list[str]:
        listed = await self._session.list_resource_templates()
        return [each.uriTemplate for each in listed.resourceTemplates]

    async def read(self, uri: str) -> str:
        return (await self._session.read_resource(AnyUrl(uri))).contents[0].text

    async def prompts(self) -> list[str]:
        return [each.name for each in (await self._session.list_prompts()).prompts]

    async def get(self, prompt: str, arguments: Any) -> str:
        return (await self._session.get_prompt(prompt, arguments)).messages[0].content.text

    async def complete(self, prompt: str, argument: str, value: str) -> list[str]:
        ref = types.PromptReference(type="ref/prompt", name=prompt)
        told = await self._session.complete(ref, {"name": argument, "value": value})
        return told.completion.values


@asynccontextmanager
async def open_client(target: str, _era: str, answer: dict[str, Any]) -> AsyncIterator[Official]:
    """Connect."""

    async def asked(_context: Any, params: Any) -> types.ElicitResult:
        [wanted] = params.requestedSchema["properties"]
        return types.ElicitResult(action="accept", content={wanted: answer["answer"]})

    async with AsyncExitStack() as stack:
        if target.endswith("/sse"):
            connected = await stack.enter_async_context(sse_client(target))
        elif target.startswith("http"):
            connected = await stack.enter_async_context(streamable_http_client(target))
        else:
            program, *arguments = json.loads(target)
            server = StdioServerParameters(command=program, args=arguments)
            connected = await stack.enter_async_context(stdio_client(server))
        session = await stack.enter_async_context(
            ClientSession(connected[0], connected[1], elicitation_callback=asked)
        )
        hello = await session.initialize()
        yield Official(session, str(hello.protocolVersion))


if __name__ == "__main__":
    main(open_client)
