from grpc import StatusCode

from mcpmesh.errors import DeadlineExceeded, NoReplica
from mcpmesh.stack.call import Call
from mcpmesh.stack.deadline import deadline
from mcpmesh.stack.promise import Promise
from mcpmesh.stack.reply import Reply
from mcpmesh.transport.timers import SLOT, Timers
from tests.unit.stack.virtual import Outcome, VirtualLoop, call_of, ready, reply_of


class Limited:
    """The deadline layer over a service whose answer a test gives."""

    def __init__(self, seconds: float) -> None:
        self.loop = VirtualLoop()
        self.timers = Timers(self.loop)  # type: ignore[arg-type]
        self.answer: Promise[Reply] = Promise()
        self.began = False
        self.interrupted: list[BaseException] = []
        self.call = call_of(deadline=self.loop.now + seconds)
        self.call.interrupt = self.interrupt
        self.outcome = Outcome(deadline(self.timers, self.loop.time)(self.service), self.call)

    async def service(self, _call: Call) -> Reply:
        self.began = True
        return await self.answer

    def interrupt(self, error: BaseException) -> None:
        self.interrupted.append(error)
        if not self.outcome.ended:
            self.outcome.run.interrupt(error)


def test_call_ends_at_its_deadline_and_not_before() -> None:
    limited = Limited(0.25)
    limited.loop.advance(0.249)
    assert not limited.outcome.ended
    limited.loop.advance(0.001)
    assert isinstance(limited.outcome.error, DeadlineExceeded)


def test_long_deadlines_pass_at_most_one_slot_late() -> None:
    limited = Limited(5.0)
    limited.loop.advance(4.999)
    assert not limited.outcome.ended
    limited.loop.advance(0.001 + SLOT)
    assert isinstance(limited.outcome.error, DeadlineExceeded)


def test_the_message_names_tool_time_replica_and_attempt() -> None:
    limited = Limited(0.25)
    limited.call.candidate = ready("a")
    limited.call.attempt = 2
    limited.loop.advance(1)
    assert isinstance(limited.outcome.error, DeadlineExceeded)
    endpoint = limited.call.candidate.replica.endpoint
    assert limited.outcome.error.message == (
        f"echo: no answer within 0.250 s at a@{endpoint} (attempt 2)"
    )


def test_a_deadline_that_passed_before_the_call_refuses_it_unseen() -> None:
    limited = Limited(0.0)
    assert isinstance(limited.outcome.error, DeadlineExceeded)
    assert not limited.began


def test_the_deadline_holds_for_the_body_too() -> None:
    limited = Limited(5.0)
    limited.answer.set_result(reply_of())
    assert limited.outcome.reply is not None
    limited.loop.advance(6)
    assert [type(error) for error in limited.interrupted] == [DeadlineExceeded]


def test_an_answer_that_ended_takes_its_timer_back() -> None:
    for seconds in (0.25, 5.0):
        limited = Limited(seconds)
        reply = reply_of()
        limited.answer.set_result(reply)
        reply.end(StatusCode.OK, "")
        assert len(limited.timers) == 0
        limited.loop.advance(10)
        assert limited.interrupted == []


def test_a_failure_below_takes_the_timer_back_and_passes() -> None:
    limited = Limited(5.0)
    limited.answer.set_error(NoReplica("none"))
    assert isinstance(limited.outcome.error, NoReplica)
    assert len(limited.timers) == 0
