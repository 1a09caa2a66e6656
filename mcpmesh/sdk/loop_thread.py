"""An event loop in a thread of its own, for callers that have none."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for any number of threads; starts with the first, ends with `close`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "idle" if self._thread is None else "running"
        return f"<LoopThread {self._name} {state}>"

    @property
    def closed(self) -> bool:
        """Tell whether no more coroutines are taken."""
        return self._closed

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an interrupt of the waiting thread cancels it.

        Raises: RuntimeError when the loop is closed, before or meanwhile.
        """
        # The lock orders this with `close`: what is handed over before it is cancelled by it.
        with self._lock:
            if self._closed:
                coroutine.close()
                raise RuntimeError(f"{self._name} is closed")
            self._start()
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError(f"{self._name} was closed meanwhile") from None
        except BaseException:
            future.cancel()
            raise

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine without waiting; does nothing when the loop is closed or never ran."""
        with self._lock:
            if self._closed or self._thread is None:
                coroutine.close()
                return
            asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def close(self) -> None:
        """Cancel what runs, end the loop and wait for its thread. Closing twice does nothing."""
        with self._lock:
            already, self._closed = self._closed, True
        if already or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: a program that forgets to close must still be able to end.
            self._thread = threading.Thread(target=self._main, name=self._name, daemon=True)
            self._thread.start()
            self._started.wait()

    def _main(self) -> None:
        # asyncio.run cancels what is left, and waits for it, when `_until_stopped` returns.
        asyncio.run(self._until_stopped())

    async def _until_stopped(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._started.set()
        await self._stop.wait()
