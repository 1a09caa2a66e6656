"""The blocking face of a ToolContext, for plain functions, which run in threads."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError as ThreadCancelledError
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mcpmesh.sdk.context import ToolContext

T = TypeVar("T")
_END = object()


class SyncToolContext:
    """progress, log, ask and inputs as calls that block the thread until they are done.

    Raises (all of them): asyncio.CancelledError once the call is cancelled, which ends a plain
    function as it ends a coroutine; RuntimeError on the event loop's own thread.
    """

    def __init__(self, context: "ToolContext", loop: asyncio.AbstractEventLoop) -> None:
        self._context = context
        self._loop = loop

    def progress(self, progress: float, total: float | None = None, message: str = "") -> None:
        """Tell a streaming caller how far the call is."""
        self._wait(self._context.progress(progress, total, message))

    def log(self, level: str, data: object, logger: str = "") -> None:
        """Send a streaming caller a log line."""
        self._wait(self._context.log(level, data, logger))

    def ask(self, message: str, answer: Any = str, *, key: str = "") -> Any:
        """Ask the user; the function runs anew when the answer is there."""
        return self._wait(self._context.ask(message, answer, key=key))

    def request_input(
        self, method: str, params: Mapping[str, Any], *, key: str = ""
    ) -> Mapping[str, Any]:
        """Send the client an MCP request and return its result."""
        return self._wait(self._context.request_input(method, params, key=key))

    def inputs(self, message: Any = dict[str, Any]) -> Iterator[Any]:
        """Yield the arguments of each message after the first."""
        messages = self._context.inputs(message)

        async def following() -> Any:
            return await anext(messages, _END)

        while (value := self._wait(following())) is not _END:
            yield value

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the loop and wait for it in this thread."""
        if self._context.over():
            work.close()
            raise asyncio.CancelledError
        if _running_loop() is self._loop:
            work.close()
            raise RuntimeError("ctx.sync is for plain functions; in a coroutine, await ctx itself")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._context.waits.add(future)
        # Looked at again: the call may have ended before the future was known to it.
        if self._context.over():
            future.cancel()
        try:
            return future.result()
        except ThreadCancelledError:
            raise asyncio.CancelledError from None
        finally:
            self._context.waits.discard(future)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
