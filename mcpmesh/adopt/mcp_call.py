"""One request to a legacy or modern MCP server on behalf of a call of the mesh."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from mcpmesh.adopt.mcp_turns import Turns
from mcpmesh.sdk.context import LEVELS, ToolContext

Json = dict[str, Any]
#: Makes the request: gets params' `_meta` besides, and a callback for progress.
Send = Callable[[Any], Awaitable[Json]]
#: The call that a task of the client works for; what it causes carries it along.
CURRENT: ContextVar["McpCall | None"] = ContextVar("mcpmesh_upstream_call", default=None)
_MOST_LINES = 64


@dataclass(eq=False)
class Ask:
    """A question of the server, and the answer to come."""

    key: str
    method: str
    params: Json
    answer: "asyncio.Future[Json]" = field(repr=False)


class McpCall:
    """A request on its way, which outlives the call that made it when it asks back.

    What the server says meanwhile is kept here, in bounds, for the handler that waits to pass on:
    of progress the latest, of log lines the last few.
    """

    def __init__(self, tool: str, turns: Turns) -> None:
        self.tool = tool
        #: True once the request went out, or may have.
        self.sent = False
        self._turns = turns
        self._wake = asyncio.Event()
        self._progress: tuple[float, float | None, str | None] | None = None
        self._lines: deque[tuple[str, Any, str]] = deque(maxlen=_MOST_LINES)
        self._asks = 0
        self._ask: Ask | None = None
        self._task: asyncio.Task[Json] | None = None

    def __repr__(self) -> str:
        return f"McpCall({self.tool}, ask={self._ask})"

    @property
    def waits(self) -> bool:
        """Tell whether a question of this call is open."""
        return self._ask is not None

    def start(self, send: Send) -> None:
        """Make the request."""
        self._task = asyncio.create_task(self._run(send), name=f"upstream {self.tool}")
        self._task.add_done_callback(self._on_end)

    def _on_end(self, task: "asyncio.Task[Json]") -> None:
        # Looked at, so that asyncio does not report it: of a parked call nobody may ask.
        if not task.cancelled():
            task.exception()
        self._wake.set()

    async def _run(self, send: Send) -> Json:
        CURRENT.set(self)
        async with self._turns.turn(self):
            return await send(self._on_progress)

    async def finish(self, context: ToolContext) -> Json | Ask:
        """Pass on what the server says until its result, or a question, is there.

        Raises: what the request raises.
        """
        assert self._task is not None
        while True:
            self._wake.clear()
            if self._progress is not None:
                progress, self._progress = self._progress, None
                await context.progress(progress[0], progress[1], progress[2] or "")
            while self._lines:
                level, data, logger = self._lines.popleft()
                await context.log(level if level in LEVELS else "info", data, logger)
            if self._ask is not None:
                return self._ask
            if self._task.done() and self._progress is None:
                return self._task.result()
            if not self._task.done():
                await self._wake.wait()

    async def answer(self, ask: Ask, answer: Mapping[str, Any]) -> None:
        """Give the server an answer, and let the call go on."""
        await self._turns.go_on(self)
        self._ask = None
        if not ask.answer.done():
            ask.answer.set_result(dict(answer))

    async def ask(self, method: str, params: Json) -> Json:
        """Have the caller asked; for the server's requests. One question at a time."""
        while self._ask is not None:
            await asyncio.wait((self._ask.answer,))
        self._asks += 1
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._ask = ask = Ask(f"ask-{self._asks}", method, params, future)
        self._wake.set()
        self._turns.tell()
        try:
            return await future
        finally:
            future.cancel()
            if self._ask is ask:
                self._ask = None

    def note(self, level: str, data: object, logger: str) -> None:
        """Keep a log line for the caller."""
        self._lines.append((level, data, logger))
        self._wake.set()

    def give_up(self) -> None:
        """Cancel the request at the server, if it has not ended."""
        if self._task is not None:
            self._task.cancel()

    async def _on_progress(self, progress: float, total: float | None, message: str | None) -> None:
        self._progress = progress, total, message
        self._wake.set()
