"""The notes of bridges in another process, behind a gRPC channel."""

from collections.abc import AsyncGenerator
from typing import Any

import grpc

from mcpmesh.codec.status import error_of
from mcpmesh.codec.tool import duration, seconds
from mcpmesh.errors import MeshError
from mcpmesh.stack.notes import Note
from mcpmesh.v1 import notes_pb2, notes_pb2_grpc

#: Units: seconds that a note may take to be passed on.
TELL_WITHIN = 5.0


class RemoteNotes:
    """`Notes` over a channel, which the caller closes."""

    def __init__(self, channel: Any) -> None:
        self._stub: Any = notes_pb2_grpc.NoteServiceStub(channel)  # type: ignore[no-untyped-call]

    async def tell(self, note: Note) -> None:
        """Pass a note on.

        Raises: MeshError.
        """
        try:
            await self._stub.Tell(
                notes_pb2.TellRequest(note=note_to_message(note)), timeout=TELL_WITHIN
            )
        except grpc.RpcError as exc:
            raise _error(exc) from exc

    async def follow(self, topic: str) -> AsyncGenerator[Note | None, None]:
        """Yield the notes of a topic.

        Raises: MeshError.
        """
        call = self._stub.FollowNotes(notes_pb2.FollowNotesRequest(topic=topic))
        try:
            async for event in call:
                yield note_from_message(event.note) if event.HasField("note") else None
        except grpc.RpcError as exc:
            raise _error(exc) from exc
        finally:
            call.cancel()


def note_to_message(note: Note) -> notes_pb2.Note:
    """Write a note."""
    keep = duration(note.keep) if note.keep else None
    return notes_pb2.Note(topic=note.topic, key=note.key, body=note.body, keep=keep)


def note_from_message(message: notes_pb2.Note) -> Note:
    """Read a note."""
    keep = seconds(message.keep) if message.HasField("keep") else 0.0
    return Note(message.topic, message.body, message.key, keep)


def _error(exc: grpc.RpcError) -> MeshError:
    call: Any = exc
    return error_of(call.code(), call.details() or "")
