import pytest

from mcpmesh.policy.throughput import Throughput


def test_nothing_is_known_before_some_calls_and_some_time() -> None:
    throughput = Throughput(0.0, 100)
    assert throughput.per_second(0.001, 110) == 0
    assert throughput.per_second(0.1, 103) == 0
    assert throughput.per_second(0.1, 110) == pytest.approx(100)


def test_the_rate_follows_what_is_finished() -> None:
    throughput = Throughput(0.0, 0)
    assert throughput.per_second(0.5, 50) == pytest.approx(100)
    # It has just changed: half of the way after half a span.
    assert throughput.per_second(0.75, 100) == pytest.approx(150)
    assert throughput.per_second(1.0, 150) == pytest.approx(200)


def test_what_was_long_ago_says_nothing() -> None:
    throughput = Throughput(0.0, 0)
    throughput.per_second(0.5, 500)
    assert throughput.per_second(100.0, 501) == 0
