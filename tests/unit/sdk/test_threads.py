"""Plain functions and generators beside the loop."""

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mcpmesh.model.deadline import NEVER
from mcpmesh.model.trace import TraceContext
from mcpmesh.sdk.context import ToolContext
from mcpmesh.sdk.incoming import Incoming
from mcpmesh.sdk.questions import Questions
from mcpmesh.sdk.sink import EventQueue
from mcpmesh.sdk.threads import NoThread, Threads, ThreadStream
from mcpmesh.v1 import invoke_pb2
from tests.eventually import eventually

shade: contextvars.ContextVar[str] = contextvars.ContextVar("shade")


@pytest.fixture
def threads() -> Iterator[Threads]:
    pool = Threads(2, max_waiting=0)
    yield pool
    pool.close()


def context_with(sink: EventQueue, messages: Any = None) -> ToolContext:
    trace = TraceContext("1" * 32, "2" * 16)
    return ToolContext(
        tool="t",
        incoming=Incoming("c", trace, "", {}),
        trace=trace,
        deadline=NEVER,
        sink=sink,
        questions=Questions(),
        messages=messages,
    )


async def test_context_variables_go_along(threads: Threads) -> None:
    shade.set("blue")
    assert await threads.run(shade.get) == "blue"


async def test_beyond_threads_and_waiting_places_a_call_is_refused(threads: Threads) -> None:
    gate = threading.Event()
    held = [asyncio.create_task(threads.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(NoThread):
        await threads.run(lambda: None)
    gate.set()
    await asyncio.gather(*held)
    await eventually(lambda: "0 taken" in repr(threads))
    await threads.run(lambda: None)


async def test_callers_that_hang_up_leave_nothing_that_runs_and_no_queue_without_end() -> None:
    pool = Threads(1, max_waiting=3)
    free, ran = threading.Event(), []
    holding = asyncio.create_task(pool.run(free.wait))
    await asyncio.sleep(0)
    for number in range(3):
        waiting = asyncio.create_task(pool.run(lambda number=number: ran.append(number)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        assert waiting.cancelled()
    with pytest.raises(NoThread):
        await pool.run(lambda: None)
    free.set()
    assert await holding
    await eventually(lambda: "0 taken" in repr(pool))
    assert await pool.run(lambda: "served") == "served"
    assert ran == []
    pool.close()


async def test_a_function_that_raises_stop_iteration_does_not_hang(threads: Threads) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(lambda: next(iter(())))


async def test_a_generator_stays_in_one_thread_a_few_items_ahead(threads: Threads) -> None:
    made: list[int] = []
    names: set[str] = set()

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            names.add(threading.current_thread().name)
            yield number

    stream = ThreadStream(threads, numbers())
    assert await anext(stream) == 0
    await eventually(lambda: len(made) >= 16)
    assert len(made) < 20
    assert [number async for number in stream] == list(range(1, 100))
    assert len(names) == 1


async def test_what_a_generator_raises_comes_after_its_items(threads: Threads) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    stream = ThreadStream(threads, broken())
    assert await anext(stream) == 1
    with pytest.raises(KeyError):
        await anext(stream)


async def test_closing_a_stream_closes_an_endless_generator_in_its_thread(
    threads: Threads,
) -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    stream = ThreadStream(threads, endless())
    await anext(stream)
    await stream.aclose()
    assert await asyncio.to_thread(closed.wait, 2)


async def test_a_thread_that_waits_for_its_reader_is_freed_when_the_call_ends(
    threads: Threads,
) -> None:
    context = context_with(EventQueue(limit=1))

    def report() -> None:
        while True:
            context.sync.progress(1)

    work = asyncio.create_task(threads.run(report))
    await asyncio.sleep(0.02)
    context.close()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(work, 10)


async def test_the_blocking_face_refuses_to_block_the_loop() -> None:
    with pytest.raises(RuntimeError, match="await ctx itself"):
        context_with(EventQueue()).sync.progress(1)


async def test_a_thread_reads_a_conversation(threads: Threads) -> None:
    async def messages() -> Any:
        for text in ("a", "b"):
            yield invoke_pb2.InvokeRequest(arguments=b'{"text": "%s"}' % text.encode())

    context = context_with(EventQueue(), messages())
    read = await threads.run(lambda: [each["text"] for each in context.sync.inputs()])
    assert read == ["a", "b"]
