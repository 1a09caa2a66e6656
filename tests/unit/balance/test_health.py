"""The way of a replica out of its share of calls, and back."""

import pytest

from mcpmesh.balance.health import Condition, Health
from mcpmesh.policy.blame import Verdict
from mcpmesh.policy.slow_start import SlowStart

RAMP = SlowStart(window=10.0, least=0.1)


def test_an_ejected_replica_takes_nothing_until_its_time_is_over() -> None:
    health = Health()
    health.eject(100.0, 30.0, "5 failures in a row")
    assert not health.step(129.9, RAMP)
    assert (health.fit, health.on_trial) == (False, False)
    assert health.step(130.0, RAMP)
    assert (health.fit, health.on_trial, health.trials) == (False, True, 1)


def test_probation_is_passed_after_so_many_successes_one_call_at_a_time() -> None:
    health = Health()
    health.put_on_probation(100.0, "was silent")
    for expected in (None, None, True):
        assert health.trials == 1
        health.trials -= 1
        assert health.try_out(Verdict.SUCCESS, 101.0, trials=3) is expected


def test_one_failure_fails_the_probation() -> None:
    health = Health()
    health.put_on_probation(100.0, "")
    assert health.try_out(Verdict.SUCCESS, 101.0, trials=3) is None
    assert health.try_out(Verdict.FAILURE, 101.0, trials=3) is False


def test_a_trial_that_tells_nothing_is_made_anew() -> None:
    health = Health()
    health.put_on_probation(100.0, "")
    health.trials = 0
    assert health.try_out(Verdict.NEITHER, 101.0, trials=1) is None
    assert health.trials == 1


def test_a_trial_that_takes_long_does_not_keep_others_away_for_ever() -> None:
    health = Health()
    health.put_on_probation(100.0, "")
    health.trials = 0
    health.step(104.9, RAMP)
    assert health.trials == 0
    health.step(105.0, RAMP)
    assert health.trials == 1


def test_a_slow_start_ends_in_health() -> None:
    health = Health()
    health.start_slowly(100.0, RAMP, "is new")
    assert (health.fit, health.share, health.label) == (True, 0.1, "SLOW_START")
    assert not health.step(105.0, RAMP)
    assert health.share == 0.5
    assert health.step(110.0, RAMP)
    assert (health.condition, health.share, health.reason) == (Condition.HEALTHY, 1.0, "")


def test_without_a_ramp_a_replica_is_healthy_at_once() -> None:
    health = Health()
    health.start_slowly(100.0, SlowStart(window=0.0), "is new")
    assert (health.condition, health.share) == (Condition.HEALTHY, 1.0)


def test_doubt_about_an_ejected_replica_does_not_let_it_out() -> None:
    health = Health()
    health.eject(100.0, 30.0, "")
    health.put_on_probation(110.0, "")
    assert health.condition is Condition.EJECTED


def test_one_that_is_silent_or_refused_takes_nothing_whatever_its_condition() -> None:
    for condition in (Condition.HEALTHY, Condition.PROBATION):
        health = Health()
        if condition is Condition.PROBATION:
            health.put_on_probation(100.0, "")
        health.silent = True
        assert (health.fit, health.on_trial, health.label) == (False, False, "SILENT")
        health.silent, health.refused = False, "NOT_SERVING"
        assert (health.fit, health.on_trial, health.label) == (False, False, "UNHEALTHY")


def test_intervals_without_an_ejection_take_earlier_ones_back() -> None:
    health = Health()
    health.eject(100.0, 30.0, "")
    health.forgive()
    assert health.ejections == 1
    health.step(130.0, RAMP)
    health.start_slowly(131.0, SlowStart(window=0.0), "")
    health.forgive()
    health.forgive()
    assert health.ejections == 0


def test_a_move_that_is_not_in_the_table_changes_nothing() -> None:
    health = Health()
    health.eject(100.0, 30.0, "first")
    with pytest.raises(AssertionError):
        health.eject(101.0, 60.0, "second")
    assert (health.condition, health.reason, health.until) == (Condition.EJECTED, "first", 130.0)
    assert health.ejections == 1
