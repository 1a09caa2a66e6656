import pytest

from mcpmesh.policy.deadline import forwarded
from mcpmesh.policy.fastest import Fastest


@pytest.mark.parametrize(("left", "given"), [(0.1, 0.099), (1.0, 0.99), (30.0, 29.99), (0.0, 0.0)])
def test_a_replica_gets_what_is_left_less_one_percent_and_at_most_10_ms(
    left: float, given: float
) -> None:
    assert forwarded(left) == pytest.approx(given)


def measured(shortest: float, now: float = 0.0) -> Fastest:
    fastest = Fastest()
    fastest.shortest = shortest
    fastest.turn(now)
    return fastest


def test_less_time_than_the_fastest_answer_of_the_last_span_is_ruled_out() -> None:
    fastest = measured(0.2)
    assert fastest.rules_out(0.19, 0.0)
    assert not fastest.rules_out(0.2, 0.0)


def test_the_first_span_says_nothing_before_it_is_over() -> None:
    fastest = Fastest()
    fastest.shortest = 0.2
    assert not fastest.rules_out(0.001, 0.0)


def test_a_span_without_answers_says_nothing() -> None:
    fastest = measured(0.2)
    fastest.turn(1.0)
    assert not fastest.rules_out(0.001, 1.0)


def test_a_faster_answer_counts_at_once_and_an_old_one_is_forgotten() -> None:
    fastest = measured(0.3)
    fastest.shortest = 0.1
    assert not fastest.rules_out(0.15, 0.0)
    fastest.turn(1.0)
    fastest.shortest = 0.3
    fastest.turn(2.0)
    assert fastest.rules_out(0.15, 2.0)


def test_after_a_while_nothing_is_ruled_out() -> None:
    fastest = measured(0.3, now=5.0)
    assert fastest.rules_out(0.1, 35.0)
    assert not fastest.rules_out(0.1, 35.1)
    # Nor later, before a span is over again.
    assert not fastest.rules_out(0.1, 5.0)
