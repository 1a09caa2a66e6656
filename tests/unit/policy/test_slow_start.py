import pytest

from mcpmesh.errors import InvalidCall
from mcpmesh.policy.slow_start import SlowStart


def test_the_share_rises_with_time_from_the_least_to_one():
    ramp = SlowStart(window=10.0, least=0.1)
    assert [ramp.share(elapsed) for elapsed in (0.0, 0.5, 2.0, 5.0, 9.9, 10.0, 99.0)] == [
        0.1,
        0.1,
        0.2,
        0.5,
        0.99,
        1.0,
        1.0,
    ]


def test_without_a_window_there_is_no_ramp():
    assert SlowStart(window=0.0).share(0.0) == 1.0


@pytest.mark.parametrize("setting", [{"window": -1.0}, {"least": 0.0}, {"least": 1.1}])
def test_settings_that_make_no_ramp_are_refused(setting):
    with pytest.raises(InvalidCall):
        SlowStart(**setting)
