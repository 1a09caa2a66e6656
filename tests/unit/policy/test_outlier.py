import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.outlier import Outlier, Tally


def tallies(*failures: int, calls: int = 100) -> dict[str, Tally]:
    return {f"r{place}": Tally(calls - failed, failed) for place, failed in enumerate(failures)}


def test_five_failures_in_a_row_are_too_many():
    assert [Outlier().too_many_in_row(failures) for failures in (0, 4, 5, 6)] == [
        False,
        False,
        True,
        True,
    ]


def test_zero_turns_ejection_off():
    off = Outlier(failures_in_row=0)
    assert not off.too_many_in_row(1000)
    assert off.outliers(tallies(100, 0, 0, 0, 0, 0)) == {}


def test_a_success_rate_far_below_the_mean_makes_an_outlier():
    found = Outlier().outliers(tallies(0, 1, 0, 40, 2, 0))
    assert list(found) == ["r3"]
    assert found["r3"] == "60.0% of its calls succeeded, 92.8% of those of its peers"


def test_the_threshold_is_the_mean_less_so_many_deviations():
    # Ratios 1, 1, 1, 1, 0.6: mean 0.92, deviation 0.16; 1.9 of them below is 0.616, 2.1 is 0.584.
    assert Outlier(deviations=1.9).outliers(tallies(0, 0, 0, 0, 40))
    assert not Outlier(deviations=2.1).outliers(tallies(0, 0, 0, 0, 40))


def test_a_single_failure_among_peers_without_any_makes_no_outlier():
    assert Outlier().outliers(tallies(0, 0, 0, 0, 1)) == {}


def test_replicas_that_all_fail_alike_are_no_outliers_until_nearly_every_call_fails():
    assert Outlier().outliers(tallies(50, 52, 48, 50, 50)) == {}
    assert len(Outlier().outliers(tallies(90, 91, 90, 90, 90))) == 5


def test_rates_need_enough_replicas_with_enough_calls():
    assert Outlier().outliers(tallies(0, 0, 0, 80)) == {}
    few = tallies(0, 0, 0, 0, 80) | {"r9": Tally(0, 99)}
    assert list(Outlier().outliers(few)) == ["r4"]
    assert Outlier().outliers(tallies(0, 0, 0, 0, 80, calls=99)) == {}


def test_the_worst_is_named_first():
    found = Outlier(deviations=0.1).outliers(tallies(0, 0, 0, 0, 0, 30, 60, 40))
    assert list(found) == ["r6", "r7", "r5"]


@pytest.mark.parametrize(
    ("ejected", "replicas", "may"),
    [
        (0, 1, False),
        (0, 2, True),
        (1, 2, False),
        (0, 10, True),
        (1, 10, False),
        (1, 16, True),
        (2, 16, False),
    ],
)
def test_a_tenth_may_be_ejected_and_one_always_but_never_the_only_one(ejected, replicas, may):
    assert Outlier().may_eject(ejected, replicas) is may


def test_each_ejection_is_longer_up_to_the_longest():
    times = [Outlier().ejection_time(number) for number in (1, 2, 3, 10, 11)]
    assert times == [30.0, 60.0, 90.0, 300.0, 300.0]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=30))
def test_only_replicas_that_were_tallied_are_named(counts):
    given_tallies = {f"r{place}": Tally(*each) for place, each in enumerate(counts)}
    found = Outlier().outliers(given_tallies)
    assert found.keys() <= given_tallies.keys()
    assert all(given_tallies[each].failures for each in found)


@pytest.mark.parametrize(
    "setting",
    [
        {"failures_in_row": -1},
        {"trials": 0},
        {"interval": 0},
        {"ejection": 0},
        {"ejection": 10, "longest": 5},
        {"max_ejected_ratio": 1.1},
        {"failure_ratio": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(setting):
    with pytest.raises(InvalidCall):
        Outlier(**setting)
