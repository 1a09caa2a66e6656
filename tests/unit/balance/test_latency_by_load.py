import pytest

from mcpmesh.balance.latency_by_load import LatencyByLoad, _level


def test_the_latency_at_the_load_of_now_is_told() -> None:
    load = LatencyByLoad()
    for in_flight, latency in ((0, 0.01), (0, 0.02), (0, 0.03), (8, 0.5), (8, 0.6), (8, 0.7)):
        load.ended(1.0, in_flight, latency)
    assert load.at(1.0, 0) == 0.02
    assert load.at(1.0, 8) == 0.6
    # Nobody came at three: the nearest that is known.
    assert load.at(1.0, 2) == 0.02
    assert load.at(1.0, 100) == 0.6


def test_what_is_long_ago_tells_nothing() -> None:
    load = LatencyByLoad()
    load.ended(1.0, 0, 0.5)
    load.ended(8.0, 5, 0.1)
    assert load.at(11.0, 0) == 0.5
    assert load.at(11.1, 0) == 0.1
    assert load.at(18.1, 0) == 0.0
    assert LatencyByLoad().at(0.0, 3) == 0.0


def test_only_the_last_calls_count() -> None:
    load = LatencyByLoad()
    for _ in range(100):
        load.ended(1.0, 0, 9.0)
    for _ in range(15):
        load.ended(1.0, 0, 0.1)
    assert load.at(1.0, 0) == 0.1


def test_levels_rise_with_the_load_and_end() -> None:
    levels = [_level(each) for each in range(2000)]
    assert levels == sorted(levels)
    assert set(levels) == set(range(24))
    assert [levels[each] for each in (0, 3, 4, 7, 8, 9, 10, 1999)] == [0, 3, 4, 7, 8, 8, 9, 23]


@pytest.mark.parametrize("in_flight", [0, 5, 64, 100_000])
def test_any_load_can_be_told(in_flight: int) -> None:
    load = LatencyByLoad()
    load.ended(0.0, in_flight, 0.25)
    assert load.at(0.0, in_flight) == 0.25
