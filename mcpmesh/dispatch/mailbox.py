"""A bounded queue from something that cannot wait to one reader that may be slow."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from mcpmesh.errors import MeshError, Overloaded

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Keeps what the reader has not taken; beyond the bound it is emptied and ends."""

    def __init__(self, bound: int, reader: str) -> None:
        self._bound = bound
        self._reader = reader
        self._letters: deque[T] = deque()
        self._news = asyncio.Event()
        self._end: MeshError | None = None

    def __repr__(self) -> str:
        return f"Mailbox({self._reader}, {len(self._letters)} of {self._bound})"

    def put(self, letter: T) -> None:
        """Add a letter; nothing happens once it ended."""
        if self._end is not None:
            return
        if len(self._letters) == self._bound:
            self.end(Overloaded(f"{self._reader} is more than {self._bound} changes behind"))
            return
        self._letters.append(letter)
        self._news.set()

    def end(self, error: MeshError) -> None:
        """Drop what was not taken; the reader gets the error from now on."""
        self._end = error
        self._letters.clear()
        self._news.set()

    async def take(self) -> T:
        """Wait for the next letter and return it.

        Raises: Overloaded when it overflowed; what `end` was given.
        """
        while not self._letters:
            if self._end is not None:
                raise self._end
            self._news.clear()
            await self._news.wait()
        return self._letters.popleft()
