import asyncio

import pytest

from mcpmesh.dispatch.note_board import BOUND, MAX_BEHIND_BYTES, MAX_KEEP, NOTE_BYTES, NoteBoard
from mcpmesh.errors import Draining, InvalidCall, Overloaded
from mcpmesh.stack.notes import Note


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


async def kept(board, topic="t"):
    notes = []
    async for note in board.follow(topic):
        if note is None:
            break
        notes.append(note)
    return notes


async def test_followers_get_what_is_kept_and_then_each_note_of_their_topic():
    board = NoteBoard(Clock())
    first, other = Note("t", b"1", "a", 60.0), Note("other", b"2", "a", 60.0)
    await board.tell(first)
    await board.tell(other)
    told = board.follow("t")
    assert await anext(told) == first
    assert await anext(told) is None
    coming = asyncio.ensure_future(anext(told))
    await asyncio.sleep(0)
    passing = Note("t", b"3")
    await board.tell(passing)
    assert await coming == passing
    await told.aclose()
    assert await kept(board) == [first]


async def test_a_note_is_replaced_by_its_key_and_dropped_in_time():
    clock = Clock()
    board = NoteBoard(clock)
    await board.tell(Note("t", b"1", "a", 60.0))
    await board.tell(Note("t", b"2", "a", 60.0))
    await board.tell(Note("t", b"3", "b", 10 * MAX_KEEP))
    assert [note.body for note in await kept(board)] == [b"2", b"3"]
    clock.now += 61
    assert [note.body for note in await kept(board)] == [b"3"]
    clock.now += MAX_KEEP
    assert await kept(board) == []


async def test_what_is_kept_is_bounded_the_oldest_go_first():
    board = NoteBoard(Clock(), max_bytes=3 * NOTE_BYTES)
    for number in range(10):
        await board.tell(Note("t", b"", str(number), 60.0))
    assert [note.key for note in await kept(board)] == ["7", "8", "9"]


async def test_a_follower_that_does_not_read_is_ended():
    board = NoteBoard(Clock())
    told = board.follow("t")
    assert await anext(told) is None
    for _ in range(BOUND + 1):
        await board.tell(Note("t", b""))
    with pytest.raises(Overloaded):
        await anext(told)


async def test_a_follower_may_be_behind_by_so_many_bytes():
    board = NoteBoard(Clock())
    told = board.follow("t")
    assert await anext(told) is None
    half = Note("t", bytes(MAX_BEHIND_BYTES // 2))
    for _ in range(3):  # what is read counts no more
        await board.tell(half)
        await board.tell(half)
        assert [await anext(told), await anext(told)] == [half, half]
    for _ in range(3):
        await board.tell(half)
    with pytest.raises(Overloaded):
        await anext(told)


async def test_a_board_that_ends_tells_its_followers():
    board = NoteBoard(Clock())
    told = board.follow("t")
    assert await anext(told) is None
    board.end()
    with pytest.raises(Draining):
        await anext(told)
    with pytest.raises(Draining):
        await anext(board.follow("t"))


@pytest.mark.parametrize("note", [Note("", b""), Note("x" * 600, b""), Note("t", b"", "x" * 600)])
async def test_a_malformed_note_is_refused(note):
    with pytest.raises(InvalidCall):
        await NoteBoard(Clock()).tell(note)
