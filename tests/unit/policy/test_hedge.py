from random import Random

import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.hedge import Hedge, hedge_after
from mcpmesh.policy.quantile import RecentQuantile


def test_the_quantile_is_at_most_five_percent_too_long() -> None:
    rng = Random(5)
    drawn = [rng.expovariate(1 / 0.05) for _ in range(2000)]
    recent = RecentQuantile(0.95)
    for duration in drawn:
        recent.add(duration, 100.0)
    exact = sorted(drawn)[int(0.95 * len(drawn))]
    assert 0.99 * exact <= recent.value <= 1.06 * exact


def test_fewer_than_fifty_say_nothing() -> None:
    recent = RecentQuantile(0.95)
    for _ in range(49):
        recent.add(0.1, 0.0)
    assert recent.value == 0
    recent.add(0.1, 0.0)
    assert recent.value == pytest.approx(0.1, rel=0.06)


def test_what_was_before_fades_out() -> None:
    recent = RecentQuantile(0.5)
    for seconds, duration in ((0.0, 1.0), (11.0, 0.01), (22.0, 0.01)):
        for _ in range(200):
            recent.add(duration, seconds)
    assert recent.value == pytest.approx(0.01, rel=0.06)


def test_after_a_pause_nothing_is_known() -> None:
    recent = RecentQuantile(0.5)
    for _ in range(100):
        recent.add(1.0, 100.0)
    recent.add(0.01, 500.0)
    assert recent.value == 0


@pytest.mark.parametrize("duration", [0.0, 1e-9, 1e9])
def test_any_duration_is_taken(duration: float) -> None:
    recent = RecentQuantile(0.95)
    for _ in range(50):
        recent.add(duration, 0.0)
    assert recent.value > 0


def test_the_second_attempt_waits_for_the_quantile_and_no_less_than_is_said() -> None:
    assert hedge_after(Hedge(), 0.2) == 0.2
    assert hedge_after(Hedge(least=0.5), 0.2) == 0.5
    assert hedge_after(Hedge(), 0.0) is None


@pytest.mark.parametrize("setting", [{"quantile": 1.0}, {"quantile": 0.1}, {"least": -1.0}])
def test_settings_that_cannot_work_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(InvalidCall):
        Hedge(**setting)
