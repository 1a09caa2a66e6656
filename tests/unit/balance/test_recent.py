from mcpmesh.balance.recent import Counts, Recent


def test_figures_are_of_this_turn_and_the_one_before() -> None:
    recent = Recent()
    recent.start(Counts(100.0, 5, 5, 0, 1.0))
    assert recent.so_far(Counts(103.0, 8, 7, 1, 1.5)) == Counts(3.0, 3, 2, 1, 0.5)
    assert recent.turn(Counts(110.0, 15, 13, 1, 2.0)) == Counts(10.0, 10, 8, 1, 1.0)
    assert recent.so_far(Counts(115.0, 20, 17, 2, 3.0)) == Counts(15.0, 15, 12, 2, 2.0)
    assert recent.turn(Counts(120.0, 20, 18, 2, 3.0)) == Counts(10.0, 5, 5, 1, 1.0)
    assert recent.so_far(Counts(120.0, 20, 18, 2, 3.0)) == Counts(10.0, 5, 5, 1, 1.0)


def test_the_mean_time_is_that_of_successes() -> None:
    assert Counts(successes=4, failures=6, seconds=2.0).mean_time == 0.5
    assert Counts(failures=6).mean_time is None
