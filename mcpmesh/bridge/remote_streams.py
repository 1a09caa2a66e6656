"""Kept streams of other bridges: who comes back to the wrong bridge hears the rest all the same.

The bridge that has the stream reads it and tells each event to the one that the client came to.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcpmesh.bridge.event_mark import EventMark
from mcpmesh.bridge.kept_streams import KeptStreams
from mcpmesh.bridge.peers import Peers, Told
from mcpmesh.errors import MeshError

#: Units: seconds that another bridge may take for a first word.
PATIENCE = 3.0
#: How many signs of life of another bridge may be missing.
_MISSING = 2.5
#: Characters of a message that one note holds.
_PART = 256 * 1024
#: Notes that a client may be behind.
_BOUND = 1000


class StreamLost(Exception):
    """The bridge that had the stream is gone, or has it no more."""


class RemoteReader:
    """Reads a stream of another bridge. Units: `silence` in seconds until it counts as gone."""

    def __init__(self, silence: float) -> None:
        #: Reads no more: the connection is to be given back.
        self.ended = False
        #: The response was the last that came.
        self.done = False
        self._silence = silence
        self._patience = PATIENCE
        self._told: asyncio.Queue[Told | None] = asyncio.Queue()

    def take(self, told: Told) -> None:
        """Take a note about the stream."""
        if self._told.qsize() >= _BOUND:
            self.end()
        else:
            self._told.put_nowait(told)

    def end(self) -> None:
        """Read no more."""
        self.ended = True
        self._told.put_nowait(None)

    async def next(self) -> tuple[int, bytes] | None:
        """Wait for the next event and return its number and message; None when that was all.

        Raises: StreamLost.
        """
        parts: list[str] = []
        while not self.ended:
            try:
                async with asyncio.timeout(self._patience):
                    told = await self._told.get()
            except TimeoutError as exc:
                raise StreamLost from exc
            self._patience = self._silence
            if told is None:
                break
            if told["what"] == "lost":
                raise StreamLost
            if told["what"] == "end":
                self.done = told["done"]
                self.ended = not self.done
                return None
            if told["what"] == "event":
                parts.append(told["message"])
                if not told["more"]:
                    return int(told["number"]), "".join(parts).encode()
        return None


class RemoteStreams:
    """Reads streams of other bridges, and reads ours to them.

    Units: `heartbeat` in seconds between two signs of life of a stream that is silent.
    """

    def __init__(self, peers: Peers, streams: KeptStreams, heartbeat: float) -> None:
        self._peers = peers
        self._streams = streams
        self._heartbeat = heartbeat
        self._count = 0
        self._readers: dict[int, RemoteReader] = {}
        # By the bridge that reads, and its number for that.
        self._sending: dict[tuple[str, int], asyncio.Task[None]] = {}
        peers.hear("read", self._hear_read)
        peers.hear("left", self._hear_left)
        peers.hear("stream", self._hear_stream)

    @asynccontextmanager
    async def read(self, scope: str, mark: EventMark, after: int) -> AsyncIterator[RemoteReader]:
        """Read a stream of another bridge.

        Raises: StreamLost when the others cannot be reached.
        """
        self._count += 1
        number = self._count
        reader = self._readers[number] = RemoteReader(self._heartbeat * _MISSING)
        if not self._peers.connected:
            raise StreamLost
        try:
            wanted: dict[str, Any] = {"session": scope, "stream": mark.number, "after": after}
            await self._peers.tell("read", to=mark.bridge, reader=number, **wanted)
            yield reader
        except MeshError as exc:
            raise StreamLost from exc
        finally:
            del self._readers[number]
            if not reader.done:
                await self._leave(mark, number)

    async def stop(self) -> None:
        """Read ours to nobody any more."""
        sending = list(self._sending.values())
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    async def _leave(self, mark: EventMark, number: int) -> None:
        try:
            await self._peers.tell("left", to=mark.bridge, reader=number)
        except MeshError:
            return  # it hears nothing of its reader either, and ends by itself

    def _hear_stream(self, told: Told) -> None:
        reader = self._readers.get(told["reader"])
        if reader is not None:
            reader.take(told)

    def _hear_left(self, told: Told) -> None:
        task = self._sending.get((told["by"], told["reader"]))
        if task is not None:
            task.cancel()

    def _hear_read(self, told: Told) -> None:
        key = (told["by"], told["reader"])
        self._sending[key] = task = asyncio.create_task(
            self._send(*key, told["session"], told["stream"], told["after"])
        )
        task.add_done_callback(lambda _: self._sending.pop(key, None))

    async def _send(self, to: str, number: int, scope: str, stream: int, after: int) -> None:
        """Read a stream of ours to another bridge."""
        kept = self._streams.numbered(scope, stream)
        try:
            if kept is None:
                await self._peers.tell("stream", to=to, reader=number, what="lost")
                return
            reader = self._streams.read(kept, after)
            try:
                while True:
                    try:
                        async with asyncio.timeout(self._heartbeat):
                            event = await reader.next()
                    except TimeoutError:
                        await self._peers.tell("stream", to=to, reader=number, what="alive")
                        continue
                    if event is None:
                        break
                    await self._send_event(to, number, *event)
                done = kept.done and not reader.ended
                await self._peers.tell("stream", to=to, reader=number, what="end", done=done)
            finally:
                self._streams.leave(kept, reader, told=True)
        except MeshError:
            return  # the other bridge hears nothing more, and takes the stream for lost

    async def _send_event(self, to: str, reader: int, number: int, message: bytes) -> None:
        text = message.decode()
        for start in range(0, len(text), _PART):
            await self._peers.tell(
                "stream",
                to=to,
                reader=reader,
                what="event",
                number=number,
                message=text[start : start + _PART],
                more=start + _PART < len(text),
            )
