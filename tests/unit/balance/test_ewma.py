from math import exp

import pytest

from mcpmesh.balance.ewma import EwmaPicker, estimate
from mcpmesh.balance.peak_ewma import PeakEwma
from mcpmesh.policy.balancing import Balancing
from tests.unit.balance.candidates import picks, ready

SETTINGS = Balancing("ewma")


def test_a_peak_counts_at_once_and_what_is_better_little_by_little() -> None:
    ewma = PeakEwma(10.0, 0.03)
    ewma.ended(1.0, 2.0, False)
    assert ewma.at(1.0) == 2.0
    ewma.ended(6.0, 1.0, False)
    kept = exp(-0.5)
    assert ewma.at(6.0) == pytest.approx(2.0 * kept + 1.0 * (1 - kept))


def test_without_answers_the_estimate_decays() -> None:
    ewma = PeakEwma(10.0, 0.03)
    ewma.ended(0.0, 1.0, False)
    assert ewma.at(10.0) == pytest.approx(exp(-1))
    assert ewma.at(100.0) == pytest.approx(exp(-10))


def test_failing_fast_does_not_make_a_replica_look_fast() -> None:
    ewma = PeakEwma(10.0, 0.03)
    ewma.ended(0.0, 0.5, False)
    for second in range(1, 30):
        ewma.ended(float(second), 0.001, True)
    assert ewma.at(29.0) == 0.5


def test_failing_slowly_counts_as_slow() -> None:
    ewma = PeakEwma(10.0, 0.03)
    ewma.ended(0.0, 5.0, True)
    assert ewma.at(0.0) == 5.0


def test_the_one_that_should_answer_sooner_is_picked() -> None:
    made = ready(1, 1)
    picker = EwmaPicker(made, "echo", SETTINGS)
    estimate(made[0], "echo", SETTINGS).ended(0.0, 0.2, False)
    estimate(made[1], "echo", SETTINGS).ended(0.0, 0.05, False)
    assert set(picks(picker, 50)) == {"r1"}
    # Four times as many calls there: now both should take as long.
    made[1].in_flight = 4
    assert set(picks(picker, 50)) == {"r0"}


def test_of_more_draws_the_slow_ones_are_hardly_ever_the_best() -> None:
    made = ready(*[1] * 16)
    for each in made:
        estimate(each, "echo", SETTINGS).ended(0.0, 0.8 if each in made[:2] else 0.05, False)
    two = picks(EwmaPicker(made, "echo", SETTINGS), 5000)
    # Both slow ones are drawn with 1 of 120.
    assert 20 < two["r0"] + two["r1"] < 70
    three = picks(EwmaPicker(made, "echo", Balancing("ewma", choices=3)), 5000)
    assert three["r0"] + three["r1"] < 15


def test_a_heavier_replica_costs_less() -> None:
    made = ready(1, 3)
    picker = EwmaPicker(made, "echo", SETTINGS)
    made[1].in_flight = 1
    assert set(picks(picker, 50)) == {"r1"}


def test_a_replica_that_was_slow_is_tried_again() -> None:
    made = ready(1, 1)
    picker = EwmaPicker(made, "echo", SETTINGS)
    estimate(made[0], "echo", SETTINGS).ended(0.0, 0.8, False)
    estimate(made[1], "echo", SETTINGS).ended(60.0, 0.05, False)
    assert set(picks(picker, 50, now=60.0)) == {"r0"}


def test_estimates_are_the_tools_own_and_outlive_pickers() -> None:
    (one,) = ready(1)
    known = estimate(one, "echo", SETTINGS)
    assert estimate(one, "echo", SETTINGS) is known
    assert estimate(one, "other", SETTINGS) is not known


def test_who_failed_the_call_is_avoided() -> None:
    picker = EwmaPicker(ready(1, 1, 1), "echo", SETTINGS)
    assert set(picks(picker, 50, avoid=("r0", "r2"))) == {"r1"}
    assert set(picks(picker, 50, avoid=("r0", "r1", "r2"))) == {"r0", "r1", "r2"}
