from random import Random

import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.retry import Failure, GiveUp, Retry, RetryAfter, next_step

FREE = RetryAfter(0.0, free=True)


def step(failure: Failure, **facts: object) -> RetryAfter | GiveUp:
    known = {
        "attempts": 1, "free": 0, "repeatable": False, "pushback_ms": None, "left": 10.0,
        "rng": Random(7),
    }  # fmt: skip
    return next_step(Retry(attempts=3), failure, **(known | facts))  # type: ignore[arg-type]


@pytest.mark.parametrize("repeatable", [True, False])
def test_the_first_unsent_attempt_costs_nothing_and_waits_for_nothing(repeatable: bool) -> None:
    assert step(Failure.UNSENT, repeatable=repeatable) == FREE
    # However many were made before.
    assert step(Failure.UNSENT, repeatable=repeatable, attempts=3) == FREE


def test_further_unsent_attempts_count_and_wait() -> None:
    plan = step(Failure.UNSENT, attempts=2, free=1)
    assert isinstance(plan, RetryAfter)
    assert not plan.free
    assert 0 < plan.wait <= 0.025
    assert step(Failure.UNSENT, attempts=4, free=1) is GiveUp.ATTEMPTS


@pytest.mark.parametrize("failure", [Failure.LOST, Failure.UNAVAILABLE])
def test_what_may_have_been_acted_on_is_tried_again_for_idempotent_tools_only(
    failure: Failure,
) -> None:
    assert isinstance(step(failure, repeatable=True), RetryAfter)
    assert step(failure) is GiveUp.MAY_HAVE_ACTED


def test_what_was_refused_for_load_is_tried_again_when_the_replica_says_whatever_the_tool() -> None:
    assert step(Failure.REFUSED, pushback_ms=250) == RetryAfter(0.25)
    assert step(Failure.REFUSED, pushback_ms=0) == RetryAfter(0.0)


@pytest.mark.parametrize("failure", [Failure.UNSENT, Failure.REFUSED, Failure.UNAVAILABLE])
def test_a_negative_pushback_is_the_last_word(failure: Failure) -> None:
    assert step(failure, repeatable=True, pushback_ms=-1) is GiveUp.PUSHBACK


def test_attempts_are_bounded() -> None:
    assert isinstance(step(Failure.LOST, repeatable=True, attempts=2), RetryAfter)
    assert step(Failure.LOST, repeatable=True, attempts=3) is GiveUp.ATTEMPTS


def test_nobody_waits_past_the_deadline() -> None:
    assert step(Failure.REFUSED, pushback_ms=2000, left=2.0) is GiveUp.DEADLINE
    assert isinstance(step(Failure.REFUSED, pushback_ms=1999, left=2.0), RetryAfter)


def test_what_is_no_matter_of_chance_is_not_tried_again() -> None:
    assert step(Failure.FINAL, repeatable=True) is GiveUp.FINAL


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"attempts": 0}, "attempts 0 is not 1 to 100"),
        ({"first_wait": -1.0}, "first_wait -1.0 is not a number from 0 up"),
        ({"budget_share": float("nan")}, "budget_share nan"),
        ({"first_wait": 2.0}, "longest_wait 1.0 is below first_wait 2.0"),
    ],
)
def test_settings_that_cannot_work_are_refused(setting: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidCall, match=message):
        Retry(**setting)  # type: ignore[arg-type]
