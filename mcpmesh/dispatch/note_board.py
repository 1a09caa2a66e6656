"""The notes of bridges in this process: kept for a while within bounds, and passed on."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable

from mcpmesh.dispatch.mailbox import Mailbox
from mcpmesh.errors import Draining, InvalidCall, MeshError, Overloaded
from mcpmesh.stack.notes import Note

#: Notes that a follower may be behind, and their bytes.
BOUND = 4096
MAX_BEHIND_BYTES = 32 * 1024 * 1024
MAX_TEXT = 512
MAX_KEEP = 7 * 24 * 3600.0
#: What a note costs beside its body.
NOTE_BYTES = 500


class _Follower:
    """Who follows, and what it has yet to read."""

    def __init__(self) -> None:
        self._mailbox: Mailbox[Note] = Mailbox(BOUND, "a follower of notes")
        self._bytes = 0

    def put(self, note: Note) -> None:
        self._bytes += len(note.body)
        if self._bytes > MAX_BEHIND_BYTES:
            self.end(Overloaded(f"a follower of notes is over {MAX_BEHIND_BYTES} bytes behind"))
        else:
            self._mailbox.put(note)

    def end(self, error: MeshError) -> None:
        self._mailbox.end(error)

    async def take(self) -> Note:
        note = await self._mailbox.take()
        self._bytes -= len(note.body)
        return note


class NoteBoard:
    """`Notes` in memory; beyond the bound, those that were told longest ago are dropped.

    Units: `clock` in seconds, `max_bytes` of all notes that are kept.
    """

    def __init__(self, clock: Callable[[], float], max_bytes: int = 64 * 1024 * 1024) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        # By topic and key: the note and when it is dropped; the oldest first.
        self._kept: OrderedDict[tuple[str, str], tuple[Note, float]] = OrderedDict()
        self._followers: dict[str, set[_Follower]] = {}
        self._over = False

    def __repr__(self) -> str:
        followers = sum(map(len, self._followers.values()))
        return f"NoteBoard({len(self._kept)} notes, {followers} followers)"

    async def tell(self, note: Note) -> None:
        """Pass a note on, and keep it if it has a key.

        Raises: InvalidCall.
        """
        if not 0 < len(note.topic) <= MAX_TEXT or len(note.key) > MAX_TEXT:
            raise InvalidCall(f"topic and key of a note have 1 to {MAX_TEXT} characters")
        if note.key:
            self._keep(note)
        for follower in self._followers.get(note.topic, ()):
            follower.put(note)

    async def follow(self, topic: str) -> AsyncGenerator[Note | None, None]:
        """Yield the notes of a topic.

        Raises: Overloaded for a follower too far behind, Draining.
        """
        if self._over:
            raise Draining("the router goes down; follow again")
        follower = _Follower()
        self._followers.setdefault(topic, set()).add(follower)
        try:
            for note in self._notes_of(topic):
                yield note
            yield None
            while True:
                yield await follower.take()
        finally:
            self._followers[topic].discard(follower)
            if not self._followers[topic]:
                del self._followers[topic]

    def end(self) -> None:
        """End all who follow: the router goes down."""
        self._over = True
        for followers in self._followers.values():
            for follower in followers:
                follower.end(Draining("the router goes down; follow again"))

    def _notes_of(self, topic: str) -> list[Note]:
        now = self._clock()
        return [note for note, until in self._kept.values() if note.topic == topic and until > now]

    def _keep(self, note: Note) -> None:
        self._drop((note.topic, note.key))
        now = self._clock()
        self._kept[note.topic, note.key] = note, now + min(max(note.keep, 0.0), MAX_KEEP)
        self._bytes += len(note.body) + NOTE_BYTES
        while self._kept:
            oldest = next(iter(self._kept))
            if self._bytes <= self._max_bytes and self._kept[oldest][1] > now:
                break
            self._drop(oldest)

    def _drop(self, key: tuple[str, str]) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= len(dropped[0].body) + NOTE_BYTES
