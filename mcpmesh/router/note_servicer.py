"""Serves NoteService: notes of bridges, from this process or passed on to the one that has them."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from grpc.aio import ServicerContext

from mcpmesh.dispatch.remote_notes import note_from_message, note_to_message
from mcpmesh.errors import InvalidCall
from mcpmesh.router.refusal import Refusing
from mcpmesh.stack.notes import Notes
from mcpmesh.v1 import notes_pb2, notes_pb2_grpc


class NoteServicer(notes_pb2_grpc.NoteServiceServicer):
    """NoteService: passes notes on, and shows them to who follows."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    async def Tell(
        self, request: notes_pb2.TellRequest, context: ServicerContext
    ) -> notes_pb2.TellResponse:
        """Pass a note on."""
        async with Refusing(context, "Tell"):
            await self._notes.tell(note_from_message(request.note))
            return notes_pb2.TellResponse()

    async def FollowNotes(
        self, request: notes_pb2.FollowNotesRequest, context: ServicerContext
    ) -> AsyncIterator[notes_pb2.NoteEvent]:
        """Give the notes of a topic, those that are kept first."""
        async with Refusing(context, "FollowNotes"):
            if not request.topic:
                raise InvalidCall("topic is missing")
            async with aclosing(self._notes.follow(request.topic)) as notes:
                async for note in notes:
                    told = None if note is None else note_to_message(note)
                    yield notes_pb2.NoteEvent(note=told)
