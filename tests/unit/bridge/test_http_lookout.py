"""How long clients are waited for, at exact times."""

from math import inf
from random import Random

import pytest

from mcpmesh.bridge.http_house import HttpTimes
from mcpmesh.bridge.http_lookout import HttpLookout, Wait

TIMES = HttpTimes(idle=7.0, head=3.0, body=4.0, silence=2.0, unread=6.0, linger=5.0, age=100.0)


def lookout(times=TIMES):
    return HttpLookout(times, 10.0, Random(1))


@pytest.mark.parametrize(
    ("wait", "longest"),
    [
        (Wait.REQUEST, 7.0),
        (Wait.HEAD, 3.0),
        (Wait.BODY, 4.0),
        (Wait.READER, 6.0),
        (Wait.FAREWELL, 5.0),
    ],
)
def test_each_wait_has_a_longest_from_the_tick_that_saw_it_first(wait, longest):
    it = lookout()
    assert not it.is_overdue(20.0, wait, 100)
    assert not it.is_overdue(20.0 + longest, wait, 100)
    assert it.is_overdue(20.0 + longest + 0.1, wait, 100)


def test_an_answer_of_ours_may_take_for_ever():
    it = lookout()
    assert not it.is_overdue(20.0, Wait.ANSWER, 0)
    assert not it.is_overdue(1e9, Wait.ANSWER, 0)


def test_another_wait_begins_anew():
    it = lookout()
    it.is_overdue(20.0, Wait.HEAD, 0)
    assert not it.is_overdue(24.0, Wait.BODY, 0)
    assert not it.is_overdue(28.0, Wait.BODY, 0)
    assert it.is_overdue(28.1, Wait.BODY, 0)


def test_the_same_wait_begins_anew_when_there_was_something_between():
    it = lookout()
    it.is_overdue(20.0, Wait.REQUEST, 0)
    it.since = 0.0
    assert not it.is_overdue(28.0, Wait.REQUEST, 0)
    assert not it.is_overdue(35.0, Wait.REQUEST, 0)
    assert it.is_overdue(35.1, Wait.REQUEST, 0)


def test_a_client_that_reads_slowly_is_waited_for():
    it = lookout()
    for tick in range(100):
        assert not it.is_overdue(20.0 + 5 * tick, Wait.READER, 1000 - tick)
    assert it.is_overdue(20.0 + 5 * 99 + 6.1, Wait.READER, 901)


def test_a_long_answer_is_told_of_once():
    it, first, second = lookout(), object(), object()
    assert [it.is_silent(now, first) for now in (20.0, 21.9, 22.0, 30.0)] == [0, 0, 1, 0]
    assert [it.is_silent(now, second) for now in (31.0, 33.0, 34.0)] == [0, 1, 0]


def test_without_a_limit_no_answer_is_silent_and_no_connection_old():
    it = lookout(HttpTimes())
    assert not it.is_silent(20.0, it)
    assert not it.is_silent(1e9, it)
    assert not it.is_old(1e9)
    assert HttpTimes().age == inf


def test_connections_grow_old_a_tenth_sooner_or_later():
    rng = Random(2)
    made = [HttpLookout(TIMES, 10.0, rng) for _ in range(100)]
    assert not any(it.is_old(100.0) for it in made)
    assert 20 < sum(it.is_old(110.0) for it in made) < 80
    assert all(it.is_old(120.1) for it in made)
