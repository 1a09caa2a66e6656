import asyncio

import pytest
import uvloop

from mcpmesh.stack.promise import Promise
from mcpmesh.stack.run import Run


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


def test_it_goes_on_inside_the_call_that_sets_the_promise():
    promise = Promise()

    async def work():
        return await promise + 1

    outcome = Outcome(work()).start()
    assert outcome.ends == []
    promise.set_result(1)
    assert outcome.ends == [2]
    promise.set_result(5)
    promise.set_error(ValueError())
    assert outcome.ends == [2]


def test_a_promise_set_before_it_is_awaited_takes_no_wait():
    promise = Promise()
    promise.set_error(KeyError("gone"))

    async def work():
        await promise

    (error,) = Outcome(work()).start().ends
    assert isinstance(error, KeyError)


def test_a_promise_may_be_set_by_the_run_that_will_wait_for_it():
    promise = Promise()

    async def work():
        promise.set_result(3)
        return await promise

    assert Outcome(work()).start().ends == [3]


def test_an_interrupt_raises_where_the_coroutine_waits():
    promise = Promise()

    async def work():
        try:
            await promise
        except TimeoutError:
            return "late"

    outcome = Outcome(work()).start()
    outcome.run.interrupt(TimeoutError())
    assert outcome.ends == ["late"]
    promise.set_result(1)
    assert outcome.ends == ["late"]


def test_an_interrupt_while_it_runs_is_raised_at_the_next_wait():
    promise = Promise()

    async def work():
        outcome.run.interrupt(TimeoutError())
        steps.append("goes on")
        await promise
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


def test_an_interrupt_that_is_handled_lets_the_coroutine_wait_anew():
    first, second = Promise(), Promise()

    async def work():
        try:
            await first
        except TimeoutError:
            return await second

    outcome = Outcome(work()).start()
    outcome.run.interrupt(TimeoutError())
    first.set_result("old")
    assert outcome.ends == []
    second.set_result("new")
    assert outcome.ends == ["new"]


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
    second = Promise()

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
