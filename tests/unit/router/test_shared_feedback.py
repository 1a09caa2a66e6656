"""What callers say of answers reaches all workers of a router."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest

from mcpmesh.balance.balancer import Routes
from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.dispatch.note_board import NoteBoard
from mcpmesh.errors import Draining, InvalidCall
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.choosing import Choosings
from mcpmesh.router.choices import Choices
from mcpmesh.router.registry_keeper import RegistryKeeper
from mcpmesh.router.shared_feedback import TOPIC, SharedFeedback
from mcpmesh.stack.notes import Note
from mcpmesh.v1 import discovery_pb2
from tests.eventually import eventually
from tests.unit.router.serving import clock

RATED = discovery_pb2.FeedbackRequest(tool="bank", score=1.0)


class Worker:
    """What one process knows of the tools, which all of them know."""

    def __init__(self, notes: NoteBoard, seed: int) -> None:
        self.keeper = RegistryKeeper(clock)
        self.keeper.register(Replica("a", "10.0.0.7:1", "s"), (Tool("bank", capability="rates"),))
        capabilities = Capabilities(Choosings({}))
        self.keeper.listen(capabilities.on_catalog)
        self.choices = Choices(capabilities, Routes, clock)
        self.feedback = SharedFeedback(self.choices, notes, Random(seed))

    @property
    def accuracy(self) -> float:
        (choice,) = self.choices.list("rates").choices
        return choice.tools[0].accuracy.mean


@asynccontextmanager
async def workers(notes: NoteBoard) -> AsyncIterator[tuple[Worker, Worker]]:
    """Run two; they follow when this returns."""
    both = Worker(notes, 1), Worker(notes, 2)
    running = [asyncio.create_task(each.feedback.run()) for each in both]
    await eventually(lambda: "2 followers" in repr(notes))
    try:
        yield both
    finally:
        for each in running:
            each.cancel()
            with suppress(asyncio.CancelledError):
                await each


async def settled() -> None:
    """Let what was put into mailboxes be taken."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_all_workers_count_a_callers_word_once() -> None:
    async with workers(NoteBoard(clock)) as (one, other):
        answer = await one.feedback.rate(one.keeper.catalog, RATED)
        await settled()
        # Of one word; it fades while the test runs.
        for mean in (one.accuracy, other.accuracy, answer.accuracy.mean):
            assert mean == pytest.approx(2 / 3, rel=0.01)


async def test_what_is_refused_is_not_passed_on() -> None:
    async with workers(NoteBoard(clock)) as (one, other):
        with pytest.raises(InvalidCall):
            await one.feedback.rate(
                one.keeper.catalog, discovery_pb2.FeedbackRequest(tool="bank", score=7.0)
            )
        await settled()
        assert other.accuracy == 0.0


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON",
        b"[]",
        b'{"tool": 7, "score": 1}',
        b'{"tool": "gone", "score": 1}',
        b'{"tool": "bank", "score": 9}',
        b'{"tool": "bank", "score": NaN}',
        b'{"tool": "bank", "score": "1"}',
    ],
)
async def test_a_note_that_says_nothing_changes_nothing(body: bytes) -> None:
    notes = NoteBoard(clock)
    async with workers(notes) as (one, _):
        await notes.tell(Note(TOPIC, body))
        await notes.tell(Note(TOPIC, json.dumps({"tool": "bank", "score": 1.0}).encode()))
        await settled()
        assert one.accuracy == pytest.approx(2 / 3, rel=0.05)


async def test_without_the_others_a_word_counts_here() -> None:
    class Away(NoteBoard):
        async def tell(self, note: Note) -> None:
            raise Draining("the router goes down")

    one = Worker(Away(clock), 1)
    await one.feedback.rate(one.keeper.catalog, RATED)
    assert one.accuracy > 0.5
