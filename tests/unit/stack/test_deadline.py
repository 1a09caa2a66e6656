from grpc import StatusCode

from mcpmesh.balance.balancer import Route
from mcpmesh.balance.p2c import P2CPicker
from mcpmesh.errors import DeadlineExceeded, NoReplica
from mcpmesh.policy.deadline import DeadlinePolicy
from mcpmesh.policy.tool_policy import ToolPolicy
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Exit
from mcpmesh.stack.deadline import Deadline
from mcpmesh.stack.layer import stacked
from mcpmesh.transport.timers import SLOT, Timers
from tests.unit.stack.virtual import Below, VirtualLoop, call_of, cluster, ready


class Limited:
    """The deadline layer over one whose outcome a test gives."""

    def __init__(self, seconds: float, fastest: float = 0.0, **fields: object) -> None:
        self.loop = VirtualLoop()
        self.timers = Timers(self.loop)  # type: ignore[arg-type]
        self.below = Below()
        self.route = Route(cluster("echo", "a"), P2CPicker(()), **fields)  # type: ignore[arg-type]
        if fastest:
            self.route.load.fastest.shortest = fastest
            self.route.load.fastest.turn(self.loop.now)
        self.call = call_of(route=self.route)
        self.call.timeout = seconds
        self.call.attempts = 1
        self.call.current = Attempt(self.call, self)  # type: ignore[arg-type]
        stacked(Exit(), Deadline(self.timers, self.loop.time), self.below).start(self.call)

    def interrupted(self, attempt: Attempt, error: BaseException) -> None:
        self.below.fail(attempt.call, error)


def test_call_ends_at_its_deadline_and_not_before() -> None:
    limited = Limited(0.25)
    limited.loop.advance(0.249)
    assert not limited.call.over
    limited.loop.advance(0.001)
    assert isinstance(limited.call.error, DeadlineExceeded)


def test_long_deadlines_pass_at_most_one_slot_late() -> None:
    limited = Limited(5.0)
    limited.loop.advance(4.999)
    assert not limited.call.over
    limited.loop.advance(0.001 + SLOT)
    assert isinstance(limited.call.error, DeadlineExceeded)


def test_the_message_names_tool_time_replica_and_attempt() -> None:
    limited = Limited(0.25)
    limited.call.candidate = ready("a")
    limited.call.attempts = 2
    limited.loop.advance(1)
    assert isinstance(limited.call.error, DeadlineExceeded)
    endpoint = limited.call.candidate.replica.endpoint
    assert limited.call.error.message == (
        f"echo: no answer within 0.250 s at a@{endpoint} (attempt 2)"
    )


def test_a_deadline_that_passed_before_the_call_refuses_it_unseen() -> None:
    limited = Limited(0.0)
    assert isinstance(limited.call.error, DeadlineExceeded)
    assert not limited.below.begun


def test_the_deadline_holds_for_the_body_too() -> None:
    limited = Limited(5.0)
    assert limited.call.current is not None
    limited.call.current._caller = limited.call
    broken: list[StatusCode] = []
    limited.ended = lambda _attempt, code, _message: broken.append(code)  # type: ignore[attr-defined]
    limited.loop.advance(6)
    assert isinstance(limited.call.broke, DeadlineExceeded)
    assert broken == [StatusCode.DEADLINE_EXCEEDED]


def test_an_answer_that_ended_takes_its_timer_back() -> None:
    for seconds in (0.25, 5.0):
        limited = Limited(seconds)
        limited.below.end(limited.call, StatusCode.OK, "")
        assert len(limited.timers) == 0
        limited.loop.advance(10)
        assert (limited.call.error, limited.call.ends) == (None, 1)


def test_a_failure_below_takes_the_timer_back_and_passes() -> None:
    limited = Limited(5.0)
    limited.below.fail(limited.call, NoReplica("none"))
    assert isinstance(limited.call.error, NoReplica)
    assert len(limited.timers) == 0


def test_what_no_answer_was_fast_enough_for_is_refused_unseen_and_says_so() -> None:
    limited = Limited(0.1, fastest=0.3)
    assert isinstance(limited.call.error, DeadlineExceeded)
    assert limited.call.error.message == (
        "echo: not begun, for it cannot be done in 0.100 s: "
        "the fastest of its last answers took 0.300 s; allow more time"
    )
    assert not limited.below.begun
    assert len(limited.timers) == 0


def test_what_some_answer_was_fast_enough_for_is_begun() -> None:
    assert Limited(0.3, fastest=0.3).below.begun


def test_a_tool_may_wish_for_no_such_refusal() -> None:
    policy = ToolPolicy(deadline=DeadlinePolicy(refuse=False))
    assert Limited(0.1, fastest=0.3, policy=policy).below.begun
