"""What layers need of an event loop: its clock and its timers."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Loop(Protocol):
    """An event loop, or one whose time a test moves."""

    def time(self) -> float:
        """Return the time, in seconds."""
        ...

    def call_at(self, when: float, callback: Callable[..., object], /) -> asyncio.TimerHandle:
        """Have a callback called at that time."""
        ...
