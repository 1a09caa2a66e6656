"""All floods together hold up a turn of the loop for one moment, and take turns."""

from mcpmesh.transport.moment import MOMENT, Moment


class Bench:
    """A loop whose turns and clock are moved by hand."""

    def __init__(self):
        self.now = 5.0
        self.callbacks = []
        self.log = []
        self.moment = Moment(self, lambda: self.log.append("before"), lambda: self.now)

    def call_soon(self, callback):
        self.callbacks.append(callback)

    def turn(self):
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()


class Work:
    """Something that takes so many moments' time each turn, for so many turns."""

    def __init__(self, bench, name, turns, moments=0.0):
        self.bench, self.name, self.turns, self.moments = bench, name, turns, moments
        bench.moment.wait(self)

    def go_on(self):
        self.bench.log.append(self.name)
        self.bench.now += self.moments * MOMENT
        self.turns -= 1
        if self.turns:
            self.bench.moment.wait(self)


def test_a_turn_has_one_moment_however_often_it_begins():
    bench = Bench()
    bench.moment.begin()
    until = bench.moment.until
    bench.now += MOMENT / 2
    bench.moment.begin()
    assert bench.moment.until == until == 5.0 + MOMENT
    assert len(bench.callbacks) == 1
    bench.turn()
    assert bench.moment.until == 0.0
    assert (bench.log, bench.callbacks) == ([], []), "with nobody waiting there is no next one"


def test_whoever_waits_goes_on_in_turn_and_what_others_send_leaves_first():
    bench = Bench()
    Work(bench, "a", 2, 1.1)
    Work(bench, "b", 1, 1.1)
    Work(bench, "c", 1)
    bench.moment.begin()
    turns = []
    while bench.callbacks:
        bench.log.clear()
        bench.turn()
        turns.append(" ".join(bench.log))
    assert turns == ["before a", "before b", "before c a", ""]


def test_nobody_gets_a_second_part_within_a_turn():
    bench = Bench()
    Work(bench, "a", 3)
    Work(bench, "b", 1)
    bench.moment.begin()
    bench.turn()
    assert bench.log == ["before", "a", "b"]
