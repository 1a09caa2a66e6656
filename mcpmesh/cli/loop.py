"""Runs a command on an event loop, and tells it when to stop."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # no wheel for this platform
    uvloop = None

T = TypeVar("T")
#: Ctrl-C, what `kill` and every container runtime send.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Says once that the command should end in good order; `reason` is for the log."""

    def __init__(self) -> None:
        self.reason = ""
        self._event = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Stop {self.reason or 'not asked'}>"

    @property
    def asked(self) -> bool:
        """Tell whether somebody asked to stop."""
        return self._event.is_set()

    def ask(self, reason: str) -> None:
        """Ask to stop; the first reason counts."""
        if not self.asked:
            self.reason = reason
            self._event.set()

    async def wait(self) -> str:
        """Wait until somebody asks, and return the reason."""
        await self._event.wait()
        return self.reason


def run(command: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command that calls and ends; Ctrl-C cancels it.

    Raises: KeyboardInterrupt after Ctrl-C, when the command has cleaned up.
    """
    with _runner() as runner:
        return runner.run(command())


def serve(command: Callable[[Stop], Coroutine[Any, Any, T]]) -> T:
    """Run a command that goes on until a signal; the second signal cancels what is left.

    Raises: KeyboardInterrupt when a second signal came before the command ended.
    """

    async def main() -> T:
        stop = Stop()
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()

        def on_signal(number: signal.Signals) -> None:
            if stop.asked:
                task.cancel()
            stop.ask(number.name)

        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, on_signal, number)
        try:
            return await command(stop)
        except asyncio.CancelledError as exc:
            raise KeyboardInterrupt from exc

    _spare_collections()
    with _runner() as runner:
        return runner.run(main())


def _spare_collections() -> None:
    """Let the garbage collector look more rarely, and never at what was imported.

    Calls leave no reference cycles, but a hundred of them in flight are thousands of young
    objects; with Python's own threshold of 700 the collector would run every few calls.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def until(stop: Stop, work: Awaitable[T]) -> T | None:
    """Wait for the work, or None when stop is asked first; the work is then cancelled."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        stopping.cancel()
        task.cancel()
        await asyncio.gather(task, stopping, return_exceptions=True)


def _runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=None if uvloop is None else uvloop.new_event_loop)


def loop_name() -> str:
    """Return which event loop commands run on."""
    return "asyncio" if uvloop is None else f"uvloop {uvloop.__version__}"
