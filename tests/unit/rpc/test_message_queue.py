"""Readers of one call's messages."""

import asyncio

import pytest

from mcpmesh.errors import RemoteProtocolError
from mcpmesh.rpc.compression import compress
from mcpmesh.rpc.message_queue import MessageQueue
from mcpmesh.wire.message import frame_message


async def waiting(queue: MessageQueue, count: int) -> list[asyncio.Task[bytes | None]]:
    """Begin to read so many times."""
    readers = [asyncio.create_task(queue.read()) for _ in range(count)]
    await asyncio.sleep(0)
    return readers


async def test_readers_at_the_same_time_are_served_in_their_order() -> None:
    queue = MessageQueue(None, 10)
    readers = await waiting(queue, 3)
    queue.feed(frame_message(b"a") + frame_message(b"b"))
    readers += await waiting(queue, 1)
    queue.feed(frame_message(b"c"))
    queue.finish()
    assert await asyncio.wait_for(asyncio.gather(*readers), 10) == [b"a", b"b", b"c", None]
    assert await queue.read() is None


async def test_a_reader_that_is_cancelled_leaves_its_message_to_the_next() -> None:
    queue = MessageQueue(None, 10)
    first, second, third = await waiting(queue, 3)
    second.cancel()
    queue.feed(frame_message(b"a"))
    first.cancel()
    assert await asyncio.wait_for(third, 10) == b"a"
    assert first.cancelled()
    assert second.cancelled()


async def test_all_readers_hear_of_a_failure() -> None:
    queue = MessageQueue(None, 10)
    readers = await waiting(queue, 2)
    queue.fail(OSError("lost"))
    for reader in readers:
        with pytest.raises(OSError, match="lost"):
            await asyncio.wait_for(reader, 10)


def test_compressed_messages_that_wait_take_the_room_they_took_on_the_wire() -> None:
    queue = MessageQueue(None, 10_000)
    queue.encoding = b"gzip"
    packed = compress(b"gzip", bytes(10_000))
    queue.feed(frame_message(packed, True) * 20)
    kept = sum(map(len, queue._messages))
    assert kept <= 10_000 + 20 * len(packed)
    assert [queue.take() for _ in range(20)] == [bytes(10_000)] * 20
    assert queue.take() is None


def test_a_broken_message_is_told_when_it_comes_even_behind_others() -> None:
    queue = MessageQueue(None, 10_000)
    queue.encoding = b"gzip"
    queue.feed(frame_message(b"first"))
    with pytest.raises(RemoteProtocolError, match="not gzip"):
        queue.feed(frame_message(b"second", True))
