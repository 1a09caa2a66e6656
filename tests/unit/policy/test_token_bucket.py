import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.policy.token_bucket import TokenBucket


def test_a_burst_is_taken_at_once_and_then_one_at_the_rate() -> None:
    bucket = TokenBucket()
    now = 1000.0
    assert [bucket.take(now, 10.0, 3) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take(now, 10.0, 3) == pytest.approx(0.1)
    assert bucket.take(now + 0.1, 10.0, 3) == 0.0
    assert bucket.take(now + 0.15, 10.0, 3) == pytest.approx(0.05)


def test_a_pause_saves_up_no_more_than_the_burst() -> None:
    bucket = TokenBucket()
    bucket.take(0.0, 10.0, 2)
    assert bucket.is_full(3600.0)
    assert [bucket.take(3600.0, 10.0, 2) > 0 for _ in range(4)] == [False, False, True, True]


@given(
    st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
    st.floats(0.5, 100),
    st.integers(1, 20),
)
def test_in_any_time_no_more_begin_than_rate_and_burst_allow(
    pauses: list[float], rate: float, burst: int
) -> None:
    bucket = TokenBucket()
    now, taken = 50.0, 0
    for pause in pauses:
        now += pause
        wait = bucket.take(now, rate, burst)
        taken += wait == 0
        assert taken <= burst + rate * (now - 50.0) + 1e-6
        if wait:
            # Who comes when it was told to gets in.
            assert bucket.take(now + wait, rate, burst) == 0
            now += wait
            taken += 1
