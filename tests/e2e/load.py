"""Callers of one tool that go on until they are told to end."""

import asyncio
import itertools
from typing import Any

import grpc

from tests.e2e.stubs import Stubs, request, text_of
from tests.eventually import eventually


class Load:
    """Callers that call without a pause, each call with an id of its own, until told to end."""

    def __init__(self, router: str, tool: str, callers: int = 8, **arguments: Any) -> None:
        self.answers: list[Any] = []
        self.failures: list[tuple[str, grpc.aio.AioRpcError]] = []
        self._ending = False
        self._ids = map(str, itertools.count())
        self._tasks = [
            asyncio.create_task(self._call(router, tool, arguments)) for _ in range(callers)
        ]

    async def _call(self, router: str, tool: str, arguments: dict[str, Any]) -> None:
        async with Stubs(router) as stubs:
            while not self._ending:
                id = next(self._ids)
                named = arguments | ({"id": id} if "folder" in arguments else {})
                try:
                    response = await stubs.tools.Invoke(request(tool, **named), timeout=30)
                    assert not response.result.is_error, response
                    self.answers.append(text_of(response.result))
                except grpc.aio.AioRpcError as error:
                    self.failures.append((id, error))

    @property
    def calls(self) -> int:
        return len(self.answers) + len(self.failures)

    async def more(self, calls: int) -> None:
        """Wait for so many more calls to end."""
        wanted = self.calls + calls
        await eventually(lambda: self.calls >= wanted)

    async def end(self) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)
