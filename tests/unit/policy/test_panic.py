import pytest

from mcpmesh.policy.panic import panics


@pytest.mark.parametrize(
    ("healthy", "connected", "panic"),
    [(2, 4, False), (1, 4, True), (0, 1, True), (1, 2, False), (0, 0, False), (3, 3, False)],
)
def test_health_is_ignored_when_less_than_half_are_healthy(healthy, connected, panic):
    assert panics(healthy, connected, 0.5) is panic


def test_a_threshold_of_zero_never_panics():
    assert not panics(0, 10, 0.0)
