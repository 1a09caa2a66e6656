"""Two attempts of one call at two replicas, over connections in memory."""

import pytest

from mcpmesh.stack.hedge import HedgeOutcome
from tests.unit.router.staircase import ANSWER, OK, Staircase
from tests.unit.router.test_served_call import fields, status

HEDGE = {"hedge": {"quantile": 0.9}}
DOWN = f"{ANSWER} grpc-status=14 grpc-message=down END_STREAM"


class Hedged(Staircase):
    """A tool whose answers take 20 ms, known to the router from fifty calls."""

    def __init__(self, *names: str, idempotent: bool = True, **policy: object) -> None:
        super().__init__(*names, idempotent=idempotent, policy={**HEDGE, **policy})
        #: Streams by replica: the next one's number.
        self.next = dict.fromkeys(names, 1)
        for number in range(50):
            name = self.call(stream=2 * number + 1)
            stream = self.next[name]
            self.loop.advance(0.02)
            self.answer(name, stream)
            self.next[name] += 2
            self.replicas[name].said()
        self.heard()

    def answer(self, name: str, stream: int, text: str = "hi") -> None:
        self.replicas[name].hear(
            f"HEADERS {stream} {ANSWER}", f'DATA {stream} "{text}"', f"HEADERS {stream} {OK}"
        )

    def pair(self, *more: str, method: str = "Invoke") -> tuple[str, str]:
        """Begin a call and let it take long; return the replicas of its two attempts."""
        first = self.call(*more, stream=101, method=method)
        self.replicas[first].said()
        self.loop.advance(0.03)
        return first, self.asked()


def test_a_call_that_takes_long_gets_a_second_attempt_elsewhere() -> None:
    steps = Hedged("a", "b")
    first = steps.call(stream=101)
    steps.replicas[first].said()
    steps.loop.advance(0.015)
    assert not any(talk.connection.outbox.size for talk in steps.replicas.values())
    steps.loop.advance(0.015)
    second = steps.asked()
    assert second != first
    assert fields(steps.replicas[second].said()[0])["grpc-previous-rpc-attempts"] == "1"


@pytest.mark.parametrize("winner", [0, 1])
@pytest.mark.parametrize("method", ["Invoke", "InvokeStream"])
def test_who_answers_first_has_the_call_and_the_other_is_cancelled(
    winner: int, method: str
) -> None:
    steps = Hedged("a", "b")
    pair = steps.pair(method=method)
    won, lost = pair[winner], pair[1 - winner]
    steps.replicas[lost].said()
    steps.replicas[won].said()
    steps.answer(won, steps.next[won], "won")
    head, body, trailers = steps.heard()
    assert (body, status(trailers)) == ('DATA 101 "won"', "0")
    assert fields(head)["grpc-previous-rpc-attempts"] == "1"
    assert steps.replicas[lost].said() == [f"RST_STREAM {steps.next[lost]} CANCEL"]
    # What it had under way finds nobody.
    steps.answer(lost, steps.next[lost], "lost")
    assert steps.heard() == []
    assert steps.hedges == [HedgeOutcome.WON if winner else HedgeOutcome.LOST]
    assert steps.idle


@pytest.mark.parametrize("failing", [0, 1])
def test_when_one_fails_the_other_goes_on(failing: int) -> None:
    for way in ("status", "reset", "lost"):
        steps = Hedged("a", "b")
        pair = steps.pair()
        bad, good = pair[failing], pair[1 - failing]
        if way == "status":
            steps.replicas[bad].hear(f"HEADERS {steps.next[bad]} {DOWN}")
        elif way == "reset":
            steps.replicas[bad].hear(f"RST_STREAM {steps.next[bad]} INTERNAL_ERROR")
        else:
            steps.replicas[bad].connection.lost("gone")
        assert steps.heard() == []
        steps.answer(good, steps.next[good])
        assert status(steps.heard()[-1]) == "0"
        assert steps.hedges == [HedgeOutcome.FAILED if failing else HedgeOutcome.TOOK_OVER]
        assert steps.idle


def test_when_both_fail_the_call_is_tried_again_as_ever() -> None:
    steps = Hedged("a", "b", retry=3)
    pair = steps.pair()
    for name in pair:
        steps.replicas[name].hear(f"HEADERS {steps.next[name]} {DOWN}")
        steps.replicas[name].said()
        steps.next[name] += 2
    steps.loop.advance(0.1)
    name = steps.asked()
    assert fields(steps.replicas[name].said()[0])["grpc-previous-rpc-attempts"] == "2"
    steps.answer(name, steps.next[name])
    assert status(steps.heard()[-1]) == "0"
    assert steps.idle


@pytest.mark.parametrize("way", ["cancel", "deadline"])
def test_both_end_with_the_call(way: str) -> None:
    steps = Hedged("a", "b")
    pair = steps.pair("grpc-timeout=100m")
    for name in pair:
        steps.replicas[name].said()
    if way == "cancel":
        steps.caller.hear("RST_STREAM 101 CANCEL")
    else:
        steps.loop.advance(0.2)
        assert status(steps.heard()[-1]) == "4"
    for name in pair:
        assert steps.replicas[name].said() == [f"RST_STREAM {steps.next[name]} CANCEL"]
    assert steps.idle


def test_a_call_that_was_answered_or_failed_in_time_has_one_attempt() -> None:
    for line in (OK, "grpc-status=9 END_STREAM"):
        steps = Hedged("a", "b")
        name = steps.call(stream=101)
        steps.replicas[name].said()
        steps.replicas[name].hear(f"HEADERS {steps.next[name]} {ANSWER} {line}")
        steps.loop.advance(1.0)
        heads = [line for talk in steps.replicas.values() for line in talk.said() if "HEAD" in line]
        assert heads == []
        assert steps.idle


@pytest.mark.parametrize(
    ("names", "more"),
    [
        (("a", "b"), {"idempotent": False}),
        (("a",), {}),
        (("a", "b"), {"retry": {"budget_share": 0.0, "budget_per_second": 0.0}}),
    ],
)
def test_no_second_attempt_without_leave_elsewhere_or_budget(
    names: tuple[str, ...], more: dict[str, object]
) -> None:
    steps = Hedged(*names, **more)  # type: ignore[arg-type]
    name = steps.call(stream=101)
    steps.replicas[name].said()
    steps.loop.advance(1.0)
    assert not any(talk.connection.outbox.size for talk in steps.replicas.values())
    assert steps.hedges == ([HedgeOutcome.BUDGET] if "retry" in more else [])
