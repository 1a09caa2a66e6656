from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.backoff import Backoff, full_jitter


def test_waits_grow_by_the_factor_up_to_the_longest():
    backoff = Backoff(first=1.0, factor=2.0, longest=5.0, jitter=0.0)
    waits = [backoff.wait(failures, Random(1)) for failures in (1, 2, 3, 4, 5)]
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_any_number_of_failures_waits_the_longest():
    assert Backoff(jitter=0.0).wait(10**9, Random(1)) == 5.0


@given(st.integers(1, 1000), st.integers(), st.floats(0, 1))
def test_jitter_adds_or_takes_no_more_than_its_share(failures, seed, jitter):
    plain = Backoff(jitter=0.0).wait(failures, Random(seed))
    wait = Backoff(jitter=jitter).wait(failures, Random(seed))
    assert plain * (1 - jitter) <= wait <= plain * (1 + jitter)


@pytest.mark.parametrize(
    "setting",
    [{"first": 0}, {"first": 2, "longest": 1}, {"factor": 0.9}, {"jitter": 1.1}, {"jitter": -0.1}],
)
def test_settings_that_make_no_schedule_are_refused(setting):
    with pytest.raises(InvalidCall):
        Backoff(**setting)


@given(st.integers(1, 10**6), st.integers())
def test_full_jitter_waits_anything_up_to_the_doubled_limit(failures, seed):
    wait = full_jitter(0.025, 1.0, failures, Random(seed))
    assert 0 <= wait <= min(1.0, 0.025 * 2 ** min(failures - 1, 60))


def test_full_jitter_spreads_over_the_whole_span():
    rng = Random(1)
    waits = [full_jitter(0.025, 1.0, 3, rng) for _ in range(1000)]
    assert min(waits) < 0.001
    assert max(waits) > 0.099
    assert 0.045 < sum(waits) / 1000 < 0.055
