"""A lot of bytes is parsed for a moment per turn of the loop, in order, and all of it."""

from mcpmesh.transport.moment import Moment
from mcpmesh.transport.slices import SLICE_BYTES, Slices
from mcpmesh.wire.frame import DATA, frame

HALF = SLICE_BYTES // 2


class Bench:
    """A link's surroundings: a loop whose turns and clock are moved by hand, and a transport."""

    def __init__(self, seconds_per_slice):
        self.now = 10.0
        self.seconds = seconds_per_slice
        self.closed = False
        self.missing = 0
        self.taken = []
        self.callbacks = []
        self.reading = True
        moment = Moment(self, lambda: None, lambda: self.now)
        self.slices = Slices(self, self, self.take, moment)

    def warmed_up(self):
        """A link whose slices have grown to their full size."""
        seconds, self.seconds = self.seconds, 0.0
        self.slices.add(numbered(2 * HALF))
        self.turn()
        self.seconds = seconds
        self.taken.clear()
        return self

    def take(self, data):
        self.now += self.seconds
        self.taken.append(data)

    @property
    def body(self):
        return b"".join(self.taken)

    def turn(self):
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()

    # Loop
    def call_soon(self, callback):
        self.callbacks.append(callback)

    # Transport
    def pause_reading(self):
        assert self.reading
        self.reading = False

    def resume_reading(self):
        assert not self.reading
        self.reading = True

    # Connection
    def missing_bytes(self):
        return self.missing


def numbered(size):
    return b"".join(number.to_bytes(4, "big") for number in range(size // 4))


def test_what_is_parsed_quickly_is_parsed_at_once():
    bench = Bench(0.0).warmed_up()
    data = numbered(10 * HALF)
    bench.slices.add(data)
    assert bench.body == data
    assert len(bench.taken) == 10
    assert bench.reading


def test_a_turn_parses_for_a_moment_and_reads_no_more_until_all_is_parsed():
    bench = Bench(0.00015).warmed_up()
    data = numbered(7 * HALF)
    bench.slices.add(data)
    assert (len(bench.taken), bench.reading, bench.slices.waiting) == (2, False, True)
    while bench.slices.waiting:
        before = len(bench.taken)
        bench.turn()
        assert len(bench.taken) - before <= 2
    assert bench.body == data
    assert bench.reading
    assert not bench.slices.waiting


def test_several_reads_of_one_turn_share_its_moment():
    bench = Bench(0.00005).warmed_up()
    data = numbered(3 * HALF)
    reads = 0
    while bench.reading:
        bench.slices.add(data)
        reads += 1
    assert reads == 2, "a transport reads on within a turn"
    bench.turn()
    assert bench.reading
    assert bench.body == data * 2


def test_bytes_that_come_while_reading_is_paused_keep_their_place():
    bench = Bench(0.0003).warmed_up()
    data = numbered(4 * HALF)
    bench.slices.add(data[:HALF])
    bench.slices.add(data[HALF : 2 * HALF])
    bench.slices.add(data[2 * HALF :])
    assert len(bench.taken) == 1
    while not bench.reading:
        bench.turn()
    assert bench.body == data


def test_slices_shrink_while_they_are_much_work_and_grow_again():
    bench = Bench(0.004)
    bench.slices.add(numbered(100 * HALF))
    for _ in range(5):
        bench.turn()
    assert [len(data) for data in bench.taken] == [1024, 512, 256, 256, 256, 256]
    bench.seconds = 0.0
    bench.turn()
    assert [len(data) for data in bench.taken[6:11]] == [256, 512, 1024, 2048, 4096]
    assert bench.body == numbered(100 * HALF)


def test_a_large_frame_is_taken_whole():
    bench = Bench(0.0003)
    bench.missing = 5 * HALF
    bench.slices.add(numbered(5 * HALF))
    assert [len(data) for data in bench.taken] == [5 * HALF]


def test_a_new_turn_has_a_moment_of_its_own():
    bench = Bench(0.0001).warmed_up()
    bench.slices.add(numbered(2 * HALF))
    assert bench.reading
    bench.turn()
    bench.slices.add(numbered(2 * HALF))
    assert (len(bench.taken), bench.reading) == (4, True)
    bench.turn()
    bench.turn()
    assert not bench.callbacks, "nothing is left scheduled"


def test_nothing_is_parsed_after_the_connection_closed_or_is_gone():
    bench = Bench(0.0003)
    bench.slices.add(numbered(4 * HALF))
    bench.closed = True
    bench.turn()
    bench.turn()
    assert len(bench.taken) == 1
    assert not bench.callbacks, "nothing goes on until the peer has left"
    gone = Bench(0.0003)
    gone.slices.add(numbered(4 * HALF))
    gone.slices.stop()
    gone.turn()
    assert (len(gone.taken), gone.reading) == (1, False)


def test_a_large_frame_that_begins_a_slice_is_taken_in_one_piece():
    bench = Bench(0.0)
    frames = frame(DATA, 0, 1, bytes(5 * HALF)) + frame(DATA, 0, 1, bytes(3 * HALF))
    bench.slices.add(frames)
    assert [len(data) for data in bench.taken] == [9 + 5 * HALF, 9 + 3 * HALF]
