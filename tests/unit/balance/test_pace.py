"""What a replica is worth that is slower than its peers."""

from random import Random

import pytest

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.p2c import P2CPicker
from mcpmesh.balance.pacing import keep_pace
from mcpmesh.model.replica import Replica

TOLERATED = 2.0


def peers(count: int) -> tuple[Candidate, ...]:
    return tuple(Candidate(Replica(f"r{n}", f"10.0.0.{n}:1")) for n in range(count))


def answer(candidate: Candidate, calls: int, each: float) -> None:
    candidate.successes += calls
    candidate.seconds += calls * each


def test_a_replica_that_is_far_slower_is_worth_less() -> None:
    group = peers(4)
    for each in group:
        answer(each, 100, 0.8 if each is group[0] else 0.05)
    keep_pace(group, 1.0, TOLERATED)
    assert group[0].slow
    assert 14 < group[0].pace.slower < 16
    assert group[0].worth == pytest.approx(1 / group[0].pace.slower)
    assert [each.worth for each in group[1:]] == [1.0, 1.0, 1.0]


def test_what_is_tolerated_leaves_replicas_alike() -> None:
    group = peers(3)
    for each, seconds in zip(group, (0.05, 0.08, 0.03), strict=True):
        answer(each, 100, seconds)
    keep_pace(group, 1.0, TOLERATED)
    assert [each.worth for each in group] == [1.0, 1.0, 1.0]


def test_of_two_replicas_one_may_be_slow() -> None:
    slow, usual = group = peers(2)
    answer(slow, 50, 1.0)
    answer(usual, 50, 0.1)
    keep_pace(group, 1.0, TOLERATED)
    assert (slow.slow, usual.slow) == (True, False)


def test_one_slow_call_is_no_slow_replica() -> None:
    group = peers(3)
    answer(group[0], 1, 0.3)
    for each in group[1:]:
        answer(each, 100, 0.1)
    keep_pace(group, 1.0, TOLERATED)
    assert not group[0].slow


def test_differences_below_a_millisecond_are_none() -> None:
    group = peers(3)
    for each, seconds in zip(group, (0.0008, 0.0002, 0.0002), strict=True):
        answer(each, 1000, seconds)
    keep_pace(group, 1.0, TOLERATED)
    assert not any(each.slow for each in group)


def test_a_slow_replica_that_gets_no_calls_is_taken_for_usual_again() -> None:
    group = peers(3)
    answer(group[0], 20, 0.8)
    since = 0
    for second in range(1, 60):
        for each in group[1:]:
            answer(each, 30, 0.05)
        keep_pace(group, float(second), TOLERATED)
        since = since if group[0].slow else since or second
    assert 10 < since < 30


def test_a_replica_that_is_alone_is_never_slow() -> None:
    (only,) = group = peers(1)
    answer(only, 100, 5.0)
    keep_pace(group, 1.0, TOLERATED)
    assert not only.slow


def test_a_slow_replica_is_picked_now_and_then() -> None:
    group = peers(4)
    group[0].set_pace(10.0)
    picker, rng = P2CPicker(group), Random(1)
    for each in group[1:]:
        # As of two drawn ones, it has less for its worth.
        each.in_flight = 20
    picks = [picker.pick(rng, 0.0) for _ in range(4000)]
    # It wins half of the draws, and is passed over in nine of ten of them, for two new ones.
    assert 0.05 < picks.count(group[0]) / len(picks) < 0.35


def test_a_retry_does_not_come_back_to_a_replica_in_place_of_a_slow_one() -> None:
    group = peers(3)
    group[0].set_pace(10.0)
    group[1].in_flight = 50
    picker, rng = P2CPicker(group), Random(1)
    assert group[2] not in {picker.pick(rng, 0.0, ("r2",)) for _ in range(200)}


def test_a_new_weight_keeps_the_pace() -> None:
    (each,) = peers(1)
    each.set_pace(4.0)
    each.renew(Replica("r0", "10.0.0.0:1", weight=2))
    assert each.worth == 0.5


def test_a_replica_that_hedges_outrun_is_slow() -> None:
    group = peers(3)
    for each in group[1:]:
        answer(each, 100, 0.05)
    group[0].outrun_seconds = 40 * 0.15
    keep_pace(group, 1.0, TOLERATED)
    assert group[0].pace.slower > 10
    assert group[0].successes == 0
