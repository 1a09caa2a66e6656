"""Notes between bridges: what the mesh carries for them, and does not read."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Note:
    """A note to all who follow a topic.

    With a `key` it is kept for those who come later, in the place of the one before.
    Units: `keep` in seconds.
    """

    topic: str
    body: bytes
    key: str = ""
    keep: float = 0.0


class Notes(Protocol):
    """Where bridges leave notes.

    Raises (both): errors.MeshError by whose fault.
    """

    async def tell(self, note: Note) -> None:
        """Pass a note on."""
        ...

    def follow(self, topic: str) -> AsyncGenerator[Note | None, None]:
        """Yield the notes of a topic: those that are kept, None, then each one that is told."""
        ...
