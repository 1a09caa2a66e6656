from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.policy.retry_budget import WINDOW, RetryBudget

SHARE, PER_SECOND = 0.2, 10.0


def spent(
    budget: RetryBudget, now: float, calls: int = 0, *, share: float = SHARE, rate: float = 0.0
) -> int:
    taken = 0
    while budget.take(now, calls, share, rate):
        taken += 1
    return taken


def test_without_calls_a_few_per_second_are_allowed() -> None:
    budget = RetryBudget()
    assert spent(budget, 0.0, rate=PER_SECOND) == PER_SECOND * WINDOW
    assert spent(budget, 0.0, rate=PER_SECOND) == 0
    # Later there are some again, in all no more than the rate allows.
    assert 9 <= spent(budget, 1.0, rate=PER_SECOND) <= 10


def test_retries_are_a_share_of_the_calls() -> None:
    assert spent(RetryBudget(), 0.0, 1000) == 200


def test_calls_of_long_ago_count_nothing() -> None:
    budget = RetryBudget()
    assert not budget.take(0.0, 1000, 0.0, 0.0)
    assert spent(budget, 10 * WINDOW, 1000) == 0


def test_calls_since_the_last_look_count_as_if_they_came_evenly() -> None:
    budget = RetryBudget()
    assert not budget.take(0.0, 0, SHARE, 0.0)
    # 100 per second for an hour: the last ten seconds of them are what counts.
    assert spent(budget, 3600.0, 360_000) == 100 * WINDOW * SHARE


@given(st.lists(st.tuples(st.floats(0.001, 5), st.integers(0, 500)), min_size=1, max_size=60))
def test_over_any_time_retries_stay_within_their_share_and_rate(
    steps: list[tuple[float, int]],
) -> None:
    budget = RetryBudget()
    now, taken, calls = 0.0, 0, 0
    for passed, count in steps:
        now += passed
        calls += count
        taken += spent(budget, now, calls, rate=PER_SECOND)
        assert taken <= SHARE * calls + PER_SECOND * (now + WINDOW) + 1e-6


def test_when_every_attempt_fails_load_rises_by_the_share_and_no_more() -> None:
    budget = RetryBudget()
    attempts = 0
    for call in range(30_000):  # 500 per second for a minute
        now = call / 500
        attempts += 1
        for _ in range(2):
            attempts += budget.take(now, call + 1, SHARE, PER_SECOND)
    assert attempts / 30_000 < 1.25


def test_the_first_look_counts_what_came_before_as_if_it_came_just_now() -> None:
    budget = RetryBudget()
    assert spent(budget, 1e6, 1000) == 200


def test_looks_while_nothing_fails_tell_when_calls_came() -> None:
    budget = RetryBudget()
    for second in range(3600):
        budget.look(float(second), 100 * second)
    # A burst after an hour at 100 per second is one of recent calls.
    assert (
        0.9 * 100 * WINDOW * SHARE <= spent(budget, 3600.0, 360_000) <= 1.1 * 100 * WINDOW * SHARE
    )
