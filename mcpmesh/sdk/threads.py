"""Where plain functions and plain generators run: a bounded pool of threads beside the loop."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from mcpmesh.errors import Overloaded

T = TypeVar("T")
_AHEAD = 16


class NoThread(Overloaded):
    """All threads are taken, and so are the places to wait for one."""


class Threads:
    """A pool of threads, and a bound on the calls that wait for one of them."""

    def __init__(self, size: int, max_waiting: int = 1024) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="mcpmesh-tool")
        self._size = size
        self._max_waiting = max_waiting
        self._taken = 0

    def __repr__(self) -> str:
        return f"Threads({self._taken} taken of {self._size})"

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a thread, with the caller's context variables.

        A cancelled caller does not wait for the thread, which cannot be stopped; its place among
        those that wait is kept until a thread has passed over it.
        Raises: NoThread when too many calls wait already; what the function raises.
        """
        if self._taken >= self._size + self._max_waiting:
            raise NoThread(
                f"{self._taken} calls wait for or hold the server's {self._size} threads"
            )
        context = contextvars.copy_context()
        self._taken += 1
        wanted = _Wanted(function)
        future = self._pool.submit(context.run, wanted.run)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _soon(loop, self._release))
        result = asyncio.wrap_future(future)
        try:
            # A shield: the pool would keep a future that is cancelled, and callers that hang up
            # one after the other would fill it.
            await asyncio.shield(result)
        except asyncio.CancelledError:
            wanted.cancelled = True
            result.add_done_callback(_look_away)
            raise
        return wanted.result()

    def close(self) -> None:
        """Start no more functions; those that run are not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self) -> None:
        self._taken -= 1


class ThreadStream(AsyncIterator[Any]):
    """A plain iterator that runs in one thread from start to end, read from the loop.

    One thread for all of it, because what it opens (SQLite connections, for one) may be bound to
    the thread. It runs at most a few items ahead of its reader.
    """

    def __init__(self, threads: Threads, items: Iterable[Any]) -> None:
        self._threads = threads
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Any] = deque()
        self._wake = asyncio.Event()
        self._slots = threading.Semaphore(_AHEAD)
        self._closed = False
        self._thread: asyncio.Task[None] | None = None

    async def __anext__(self) -> Any:
        if self._thread is None:
            self._thread = asyncio.create_task(self._run())
        while not self._ready:
            if self._thread.done():
                # Raises what the iterator raised.
                self._thread.result()
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        self._slots.release()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Stop the iterator at its next item, and close it in its thread."""
        self._closed = True
        self._slots.release()
        if self._thread is not None:
            self._thread.cancel()
            await asyncio.wait([self._thread])
            if not self._thread.cancelled():
                # Looked at, so that asyncio does not report it: the reader has gone.
                self._thread.exception()

    async def _run(self) -> None:
        try:
            await self._threads.run(self._pump)
        finally:
            self._wake.set()

    def _pump(self) -> None:
        iterator: Iterator[Any] = iter(self._items)
        try:
            for item in iterator:
                self._slots.acquire()
                if self._closed:
                    return
                self._loop.call_soon_threadsafe(self._offer, item)
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()

    def _offer(self, item: Any) -> None:
        self._ready.append(item)
        self._wake.set()


class _Wanted(Generic[T]):
    """A function for a thread, as long as somebody waits for what it returns."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._results: list[T] = []
        self.cancelled = False

    def run(self) -> None:
        """Call the function, unless nobody waits any more."""
        if not self.cancelled:
            self._results.append(_guarded(self._function))

    def result(self) -> T:
        """Return what the function returned."""
        return self._results[0]


def _look_away(result: asyncio.Future[None]) -> None:
    """Look at a result that nobody waits for, or asyncio reports its error."""
    if not result.cancelled():
        result.exception()


def _guarded(function: Callable[[], T]) -> T:
    """Call a function; a StopIteration, which no future can carry, becomes a RuntimeError."""
    try:
        return function()
    except StopIteration as error:
        raise RuntimeError("the function raised StopIteration") from error


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    """Call on the loop, unless it is gone."""
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        pass
