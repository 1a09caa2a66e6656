from random import Random

import pytest

from mcpmesh.balance.reported_weight import ReportedWeight
from mcpmesh.balance.turns import REFRESH, TurnsPicker, own_weights, reported_weights
from mcpmesh.model.load_report import LoadReport
from mcpmesh.policy.balancing import Balancing
from tests.unit.balance.candidates import picks, ready

SETTINGS = Balancing("weighted")


def test_equal_replicas_come_one_after_the_other() -> None:
    made = ready(1, 1, 1)
    picker, rng = TurnsPicker(made, own_weights, 0), Random(1)
    names = [picker.pick(rng, 0.0).replica.id for _ in range(7)]
    assert names == ["r1", "r2", "r0", "r1", "r2", "r0", "r1"]


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_those_of_the_weights_over_any_stretch(seed: int) -> None:
    rng = Random(seed)
    weights = [rng.choice((1, 2, 5, 20)) for _ in range(12)]
    picker = TurnsPicker(ready(*weights), own_weights, rng.randrange(10_000))
    counts = picks(picker, 600)
    for number, weight in enumerate(weights):
        # A random draw would be off by √n, some 12 for a share of a quarter.
        assert abs(counts[f"r{number}"] - 600 * weight / sum(weights)) < 4


def test_weights_that_ramp_up_are_looked_at_again() -> None:
    made = ready(1, 1)
    picker = TurnsPicker(made, own_weights, 0)
    picks(picker, 10)
    made[0].weight = 0.1
    assert picks(picker, 110, now=REFRESH - 0.01)["r0"] == 55
    assert picks(picker, 110, now=REFRESH)["r0"] == pytest.approx(10, abs=2)


def test_who_failed_the_call_loses_the_turn() -> None:
    picker = TurnsPicker(ready(1, 1, 1), own_weights, 0)
    assert set(picks(picker, 30, avoid=("r1",))) == {"r0", "r2"}
    assert picks(picker, 30, avoid=("r0", "r1", "r2")).total() == 30


def test_nobody_is_picked_of_none() -> None:
    assert TurnsPicker((), own_weights, 0).pick(Random(1), 0.0) is None


def reported(
    utilisation: float, qps: float, eps: float = 0.0, *, at: float = 0.0
) -> ReportedWeight:
    weight = ReportedWeight()
    weight.take(LoadReport(utilisation, qps, eps), at)
    return weight


def test_weight_is_calls_by_the_load_they_make() -> None:
    assert reported(0.5, 100).at(10.0, SETTINGS) == 200
    # One call in ten fails, and that counts like a tenth of the capacity.
    assert reported(0.5, 100, 10).at(10.0, SETTINGS) == pytest.approx(100 / 0.6)


def test_reports_count_after_the_blackout_and_until_they_expire() -> None:
    weight = reported(0.5, 100)
    assert weight.at(9.99, SETTINGS) == 0
    assert weight.at(10.0, SETTINGS) == 200
    assert weight.at(179.9, SETTINGS) == 200
    assert weight.at(180.0, SETTINGS) == 0
    # After silence the blackout begins anew.
    weight.take(LoadReport(0.5, 100), 200.0)
    assert weight.at(205.0, SETTINGS) == 0
    assert weight.at(210.0, SETTINGS) == 200


@pytest.mark.parametrize("report", [LoadReport(0.0, 100), LoadReport(0.5, 0)])
def test_a_report_without_load_or_calls_says_nothing(report: LoadReport) -> None:
    weight = ReportedWeight()
    weight.take(report, 0.0)
    assert weight.at(10.0, SETTINGS) == 0


def test_who_reports_more_room_gets_more_calls_and_who_does_not_report_the_average() -> None:
    made = ready(1, 1, 1)
    picker = TurnsPicker(made, reported_weights(SETTINGS), 0)
    assert set(picks(picker, 30).values()) == {10}
    made[0].reported = reported(0.9, 90)
    made[1].reported = reported(0.3, 90)
    counts = picks(picker, 600, now=20.0)
    for name, share in (("r0", 1 / 6), ("r1", 1 / 2), ("r2", 1 / 3)):
        assert counts[name] == pytest.approx(600 * share, abs=4)


def test_one_report_alone_compares_with_nobody() -> None:
    made = ready(1, 1)
    picker = TurnsPicker(made, reported_weights(SETTINGS), 0)
    made[0].reported = reported(0.9, 90)
    assert picks(picker, 100, now=20.0)["r0"] == 50
