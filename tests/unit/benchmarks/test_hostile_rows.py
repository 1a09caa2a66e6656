"""An attack's row: the median of its pairs' ratios counts, and pairs that disagree ask for more."""

import pytest

from benchmarks.hostile.__main__ import MOST_PAIRS, PAIRS, Row, p99


def row(*ratios):
    return Row("x", pairs=[(0.001, 0.001 * ratio) for ratio in ratios])


def test_the_median_of_the_ratios_counts_whatever_one_pair_says():
    assert row(1.2, 40.0, 1.4).ratio == pytest.approx(1.4)
    assert row(1.2, 0.01, 1.4).ratio == pytest.approx(1.2)


def test_pairs_that_agree_on_the_bound_are_enough():
    assert not row(*[1.1] * (PAIRS - 1)).decided
    assert row(*[1.1] * PAIRS).decided
    assert row(*[2.1] * PAIRS).decided


def test_pairs_that_do_not_agree_ask_for_more_up_to_a_number():
    assert not row(*[1.1] * (MOST_PAIRS - 2), 2.1).decided
    assert row(*[1.1] * (MOST_PAIRS - 1), 2.1).decided


def test_p99_is_the_value_that_one_in_a_hundred_reaches():
    assert p99([float(number) for number in range(1000)]) == 990.0
    assert p99([1.0]) == 1.0
