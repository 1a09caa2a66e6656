"""Requests being answered, so that a client can cancel one by its id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mcpmesh.codec.jsonrpc import INVALID_REQUEST, Id, RpcError

Key = tuple[str, Id]
T = TypeVar("T")


class InFlight:
    """The task that answers each request, by the scope its id is unique in, and the id."""

    def __init__(self) -> None:
        self._tasks: dict[Key, asyncio.Task[object]] = {}
        self._cancelled: set[Key] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    async def run(self, scope: str, request_id: Id, start: Callable[[], Awaitable[T]]) -> T | None:
        """Do the work in this task; None when the client cancelled it: no answer is wanted.

        Raises: RpcError -32600 for an id that is in use.
        """
        key = (scope, request_id)
        if key in self._tasks:
            raise RpcError(INVALID_REQUEST, f"a request with id {request_id!r} is in flight")
        task = asyncio.current_task()
        assert task is not None
        self._tasks[key] = task
        try:
            return await start()
        except asyncio.CancelledError:
            if key not in self._cancelled:
                raise
            task.uncancel()
            return None
        finally:
            del self._tasks[key]
            self._cancelled.discard(key)

    def cancel(self, scope: str, request_id: Id) -> bool:
        """Cancel a request; False when there is none by that id (any more)."""
        key = (scope, request_id)
        task = self._tasks.get(key)
        if task is None or key in self._cancelled:
            return False
        self._cancelled.add(key)
        task.cancel()
        return True
