"""Requests being answered, so that a client can cancel one by its id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mcpmesh.codec.jsonrpc import INVALID_REQUEST, Id, RpcError

Key = tuple[str, Id]
T = TypeVar("T")
#: Raises CancelledError where the answering of a request waits.
Cancel = Callable[[], object]


class InFlight:
    """How to cancel each request, by the scope its id is unique in, and the id."""

    def __init__(self) -> None:
        self._running: dict[Key, Cancel] = {}
        self._cancelled: set[Key] = set()

    def __len__(self) -> int:
        return len(self._running)

    async def run(self, scope: str, request_id: Id, work: Awaitable[T], cancel: Cancel) -> T | None:
        """Do the work; None when the client cancelled it: no answer is wanted."""
        key = (scope, request_id)
        self._running[key] = cancel
        try:
            return await work
        except asyncio.CancelledError:
            if key not in self._cancelled:
                raise
            return None
        finally:
            del self._running[key]
            self._cancelled.discard(key)

    def check_free(self, scope: str, request_id: Id) -> None:
        """Refuse an id that is in use.

        Raises: RpcError -32600.
        """
        if (scope, request_id) in self._running:
            raise RpcError(INVALID_REQUEST, f"a request with id {request_id!r} is in flight")

    def cancel(self, scope: str, request_id: Id) -> bool:
        """Cancel a request; False when there is none by that id (any more)."""
        key = (scope, request_id)
        cancel = self._running.get(key)
        if cancel is None or key in self._cancelled:
            return False
        self._cancelled.add(key)
        cancel()
        return True
