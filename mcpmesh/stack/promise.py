"""A value that comes later, and resumes who waits for it inside the call that sets it.

An asyncio.Future resumes its task in the loop's next turn; at one call in flight that turn costs
more than the call's own work (an empty poll, 5-8 µs). A Promise is awaited by a `Run` only.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Generic, TypeVar

T = TypeVar("T")


class Promise(Generic[T]):
    """A value or an error, set once."""

    __slots__ = ("_error", "_value", "done", "wake")

    def __init__(self) -> None:
        self.done = False
        #: Set by the run that waits.
        self.wake: Callable[[], None] | None = None
        self._value: T | None = None
        self._error: BaseException | None = None

    def set_result(self, value: T) -> None:
        """Set the value; nothing happens when it is set already."""
        if not self.done:
            self._value = value
            self._finish()

    def set_error(self, error: BaseException) -> None:
        """Set an error that is raised where the promise is awaited."""
        if not self.done:
            self._error = error
            self._finish()

    def _finish(self) -> None:
        self.done = True
        wake, self.wake = self.wake, None
        if wake is not None:
            wake()

    def __await__(self) -> Generator[Promise[T], None, T]:
        if not self.done:
            yield self
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]
