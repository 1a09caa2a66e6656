"""What a replica's candidate learns of each attempt, at its end and once."""

import pytest

from tests.unit.router.staircase import ANSWER, OK, Staircase


def learnt(steps: Staircase, name: str = "a") -> tuple[int, int, int]:
    candidate = steps.candidates[name]
    return candidate.successes, candidate.failures, candidate.lost_calls


def answer(steps: Staircase, *lines: str, stream: int = 1) -> None:
    steps.replicas[steps.call(stream=stream)].hear(*lines)


def test_an_answer_is_a_success() -> None:
    steps = Staircase("a")
    answer(steps, f"HEADERS 1 {ANSWER}", 'DATA 1 "hi"', f"HEADERS 1 {OK}")
    assert learnt(steps) == (1, 0, 0)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(2, (0, 1, 0)), (3, (1, 0, 0)), (4, (0, 1, 0)), (13, (0, 1, 0)), (14, (0, 1, 0))],
)
def test_a_status_counts_by_whose_fault_it_is(number: int, expected: tuple[int, int, int]) -> None:
    steps = Staircase("a")
    answer(steps, f"HEADERS 1 {ANSWER} grpc-status={number} END_STREAM")
    assert learnt(steps) == expected


def test_a_caller_that_leaves_tells_nothing_of_the_replica() -> None:
    steps = Staircase("a")
    steps.call()
    steps.caller.hear("RST_STREAM 1 CANCEL")
    assert learnt(steps) == (0, 0, 0)
    assert steps.idle


def test_an_attempt_that_expires_without_an_answer_is_a_failure() -> None:
    steps = Staircase("a")
    steps.call("grpc-timeout=1S")
    steps.loop.advance(1.1)
    assert learnt(steps) == (0, 1, 0)


def test_an_answer_that_lasts_until_the_deadline_tells_nothing() -> None:
    steps = Staircase("a")
    steps.begin("mcp-name=echo", "grpc-timeout=1S", method="InvokeStream")
    steps.send(b"\0\0\0\0\2hi", end=True)
    steps.replicas["a"].hear(f"HEADERS 1 {ANSWER}", 'DATA 1 "hi"')
    steps.loop.advance(1.1)
    assert learnt(steps) == (0, 0, 0)
    assert steps.idle


def test_calls_that_are_lost_with_their_connection_are_no_failures_in_a_row() -> None:
    steps = Staircase("a")
    for number in range(6):
        steps.call(stream=2 * number + 1)
        steps.replicas["a"].said()
    steps.replicas["a"].connection.lost("connection reset by peer")
    assert learnt(steps) == (0, 0, 6)
    assert steps.candidates["a"].failures_in_row == 0


def test_a_stream_that_the_replica_resets_is_a_failure_and_a_refused_one_is_not() -> None:
    steps = Staircase("a")
    answer(steps, "RST_STREAM 1 INTERNAL_ERROR")
    assert learnt(steps) == (0, 1, 0)
    steps = Staircase("a", "b")
    first = steps.call()
    steps.replicas[first].said()
    steps.replicas[first].hear("RST_STREAM 1 REFUSED_STREAM")
    assert learnt(steps, first) == (0, 0, 0)


def test_successes_after_a_failure_end_the_row() -> None:
    steps = Staircase("a")
    answer(steps, f"HEADERS 1 {ANSWER} grpc-status=13 END_STREAM")
    assert steps.candidates["a"].watched
    steps.replicas["a"].said()
    answer(steps, f"HEADERS 3 {ANSWER}", 'DATA 3 "hi"', f"HEADERS 3 {OK}", stream=3)
    assert steps.candidates["a"].failures_in_row == 0
    assert not steps.candidates["a"].watched
