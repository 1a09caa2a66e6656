import asyncio

import pytest
import uvloop

from mcpmesh.bridge.run import Run


class Outcome:
    """Drives a coroutine and notes how it ended, each time it does."""

    def __init__(self, coroutine):
        self.ends = []
        self.run = Run(coroutine, self.ends.append, self.ends.append)

    def start(self):
        self.run.resume()
        return self


def test_a_coroutine_that_never_waits_ends_inside_resume():
    async def work():
        return 7

    assert Outcome(work()).start().ends == [7]


def test_what_a_coroutine_raises_goes_to_on_error():
    error = ValueError("x")

    async def work():
        raise error

    assert Outcome(work()).start().ends == [error]


async def test_an_interrupt_raises_where_the_coroutine_waits():
    future = asyncio.get_running_loop().create_future()

    async def work():
        try:
            await future
        except TimeoutError:
            return "late"

    outcome = Outcome(work()).start()
    outcome.run.interrupt(TimeoutError())
    assert outcome.ends == ["late"]
    future.set_result(1)
    await turns(2)
    assert outcome.ends == ["late"]


async def test_an_interrupt_while_it_runs_is_raised_at_the_next_wait():
    future = asyncio.get_running_loop().create_future()

    async def work():
        outcome.run.interrupt(TimeoutError())
        steps.append("goes on")
        await future
        steps.append("not reached")

    steps = []
    outcome = Outcome(work())
    outcome.start()
    assert steps == ["goes on"]
    assert isinstance(outcome.ends[0], TimeoutError)


def test_an_interrupt_while_it_runs_is_forgotten_when_it_does_not_wait_again():
    async def work():
        outcome.run.interrupt(TimeoutError())
        return "done"

    outcome = Outcome(work())
    assert outcome.start().ends == ["done"]


async def test_an_interrupt_that_is_handled_lets_the_coroutine_wait_anew():
    await interrupted_while_waiting_for(asyncio.get_running_loop().create_future, lambda: None)


def test_interrupts_before_the_start_and_after_the_end_do_no_harm():
    async def work():
        return 1

    early = Outcome(work())
    early.run.interrupt(TimeoutError())
    assert isinstance(early.ends[0], TimeoutError)
    late = Outcome(work()).start()
    late.run.interrupt(TimeoutError())
    assert late.ends == [1]


async def test_it_may_await_futures_and_sleep_zero():
    future = asyncio.get_running_loop().create_future()

    async def work():
        await asyncio.sleep(0)
        return await future

    outcome = Outcome(work()).start()
    future.set_result("x")
    await turns(3)
    assert outcome.ends == ["x"]


async def test_a_future_that_fails_raises_where_it_is_awaited():
    future = asyncio.get_running_loop().create_future()

    async def work():
        await future

    outcome = Outcome(work()).start()
    future.set_exception(KeyError("x"))
    await turns(2)
    assert isinstance(outcome.ends[0], KeyError)


async def test_an_interrupted_future_no_longer_resumes():
    future = asyncio.get_running_loop().create_future()
    await interrupted_while_waiting_for(lambda: future, lambda: None)
    assert not future.done()


async def test_a_future_that_completed_in_the_turn_of_the_interrupt_no_longer_resumes():
    future = asyncio.get_running_loop().create_future()
    await interrupted_while_waiting_for(lambda: future, lambda: future.set_result("old"))


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_turn_of_the_loop_that_was_interrupted_no_longer_resumes(run):
    run(interrupted_while_waiting_for(lambda: asyncio.sleep(0), lambda: None))


async def interrupted_while_waiting_for(first, before_interrupt):
    second = asyncio.get_running_loop().create_future()

    async def work():
        with pytest.raises(TimeoutError):
            await first()
        return await second

    outcome = Outcome(work()).start()
    before_interrupt()
    outcome.run.interrupt(TimeoutError())
    await turns(3)
    assert outcome.ends == []
    second.set_result("new")
    await turns(2)
    assert outcome.ends == ["new"]


async def test_an_interrupted_turn_of_the_loop_may_end_the_coroutine():
    async def work():
        await asyncio.sleep(0)

    outcome = Outcome(work()).start()
    outcome.run.interrupt(TimeoutError())
    await turns(3)
    assert len(outcome.ends) == 1


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)
