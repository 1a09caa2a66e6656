"""The other bridges that share the session key, reached by notes through the mesh.

Notes are signed with the key: whoever else can leave notes cannot make up one of a bridge.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import aclosing
from random import Random
from typing import Any

import orjson

from mcpmesh.bridge.signing import Signer
from mcpmesh.codec.status import status_of
from mcpmesh.errors import MeshError
from mcpmesh.stack.notes import Note, Notes

_log = logging.getLogger(__name__)
_PURPOSE = b"note"
#: Units: seconds before the first and at most before any later try to follow again.
FIRST_BACKOFF = 0.1
MAX_BACKOFF = 5.0
#: Units: seconds that a bridge waits at its start for what the others know.
SYNC_WITHIN = 0.5
#: Notes with a key that are told again to a mesh that has forgotten them.
MAX_REMEMBERED = 10_000

Told = Mapping[str, Any]
Hear = Callable[[Told], object]


class Peers:
    """Tells the other bridges, and hears of them, once started; alone without `notes`.

    `name` is this bridge's own. Each note has a kind, and whoever wants to hear of a kind says so
    before `start`.
    """

    def __init__(self, notes: Notes | None, signer: Signer, name: str) -> None:
        self.name = name
        self._notes = notes
        self._signer = signer
        self._topic = signer.label(b"topic")
        self._hear: dict[str, Hear] = {}
        self._known: OrderedDict[str, Note] = OrderedDict()
        self._synced = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._rng = Random()

    def __repr__(self) -> str:
        return f"<Peers {'connected' if self.connected else 'alone'}>"

    @property
    def connected(self) -> bool:
        """Whether notes of others arrive now."""
        return self._synced.is_set()

    def hear(self, kind: str, listener: Hear) -> None:
        """Have somebody told of the notes of a kind; must not block."""
        self._hear[kind] = listener

    async def start(self) -> None:
        """Begin to follow; returns soon, whether the mesh is there or not."""
        if self._notes is None or self._following is not None:
            return
        self._following = asyncio.create_task(self._follow(self._notes), name="notes of bridges")
        waiting = asyncio.ensure_future(self._synced.wait())
        await asyncio.wait((waiting,), timeout=SYNC_WITHIN)
        waiting.cancel()

    async def stop(self) -> None:
        """Follow no more."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.wait((following,))

    async def tell(
        self, kind: str, *, to: str = "", key: str = "", keep: float = 0.0, **said: Any
    ) -> None:
        """Tell the other bridges, or the one named `to`; with a key, those that come later too.

        Raises: MeshError when the mesh cannot be reached.
        """
        if self._notes is None or self._following is None:
            return
        body = orjson.dumps({**said, "kind": kind, "to": to, "by": self.name})
        note = Note(self._topic, self._signer.sign(_PURPOSE, body).encode(), key, keep)
        if key:
            self._remember(note)
        await self._notes.tell(note)

    async def share(self, kind: str, *, key: str, keep: float, **said: Any) -> None:
        """Tell the other bridges what they had better know; this one goes on when it cannot."""
        try:
            await self.tell(kind, key=key, keep=keep, **said)
        except MeshError as error:
            _log.warning("the other bridges were not told (%s): %s", kind, error.message)

    async def _follow(self, notes: Notes) -> None:
        backoff = FIRST_BACKOFF
        while True:
            heard: set[str] = set()
            try:
                async with aclosing(notes.follow(self._topic)) as told:
                    async for note in told:
                        if note is not None:
                            heard.add(note.key)
                            self._take(note)
                            continue
                        backoff = FIRST_BACKOFF
                        await self._remind(notes, heard)
                        self._synced.set()
            except MeshError as error:
                was = self._synced.is_set()
                level = logging.WARNING if was else logging.DEBUG
                _log.log(level, "following the other bridges ended: %s", status_of(error).message)
            self._synced.clear()
            await asyncio.sleep(backoff * self._rng.uniform(0.5, 1.0))
            backoff = min(backoff * 2, MAX_BACKOFF)

    async def _remind(self, notes: Notes, heard: set[str]) -> None:
        """Tell a mesh what it has forgotten: it began anew."""
        for key, note in list(self._known.items()):
            if key not in heard:
                await notes.tell(note)

    def _take(self, note: Note) -> None:
        body = self._signer.open(_PURPOSE, note.body.decode("latin-1"))
        if body is None:
            return
        if note.key:
            self._remember(note)
        told = orjson.loads(body)
        listener = self._hear.get(told["kind"])
        if listener is None or told["by"] == self.name or told["to"] not in ("", self.name):
            return
        try:
            listener(told)
        except (KeyError, TypeError, ValueError):  # a bridge of another version
            _log.warning("a note of another bridge (%s) is not understood", told["kind"])

    def _remember(self, note: Note) -> None:
        self._known[note.key] = note
        self._known.move_to_end(note.key)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
