from mcpmesh.transport.timers import SLOT, Timers


class Loop:
    """Timers of an event loop whose clock stands still until told."""

    def __init__(self):
        self.handles = []

    def call_at(self, at, callback, *args):
        handle = Handle(at, callback, args)
        self.handles.append(handle)
        return handle

    def advance(self, now):
        for handle in sorted(self.handles, key=lambda handle: handle.at):
            if handle.at <= now and not handle.cancelled:
                self.handles.remove(handle)
                handle.callback(*handle.args)


class Handle:
    def __init__(self, at, callback, args):
        self.at, self.callback, self.args = at, callback, args
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Item:
    def __init__(self, then=None):
        self.expired = 0
        self.then = then

    def expire(self):
        self.expired += 1
        if self.then is not None:
            self.then()


def test_short_timeouts_are_exact():
    loop, item = Loop(), Item()
    Timers(loop).add(10.3, 10.0, item)
    assert [handle.at for handle in loop.handles] == [10.3]
    loop.advance(10.3)
    assert item.expired == 1


def test_long_timeouts_share_a_timer_and_are_never_early():
    loop, items = Loop(), [Item() for _ in range(50)]
    timers = Timers(loop)
    for number, item in enumerate(items):
        timers.add(40.0 + number * SLOT / 100, 10.0, item)
    assert len(loop.handles) == 1
    assert 40.0 + SLOT / 2 < loop.handles[0].at <= 40.0 + SLOT
    loop.advance(39.999)
    assert not any(item.expired for item in items)
    loop.advance(40.0 + SLOT)
    assert all(item.expired == 1 for item in items)
    assert len(timers) == 0


def test_what_is_removed_does_not_expire():
    loop, timers = Loop(), Timers(Loop())
    timers = Timers(loop)
    short, long = Item(), Item()
    handles = [timers.add(10.1, 10.0, short), timers.add(20.0, 10.0, long)]
    handles[0].discard(short)
    handles[1].discard(long)
    loop.advance(30.0)
    assert short.expired == long.expired == len(timers) == 0
    handles[1].discard(long)


def test_what_is_removed_by_an_item_of_the_same_slot_does_not_expire():
    loop = Loop()
    timers = Timers(loop)
    items, handles = [], []

    def remove_the_others():
        for item, handle in zip(items, handles, strict=True):
            handle.discard(item)

    items += [Item(remove_the_others) for _ in range(5)]
    handles += [timers.add(20.0, 10.0, item) for item in items]
    loop.advance(21.0)
    assert sum(item.expired for item in items) == 1
    assert len(timers) == 0


def test_an_item_may_add_another_while_it_expires():
    loop, second = Loop(), Item()
    timers = Timers(loop)
    timers.add(20.0, 10.0, Item(lambda: timers.add(30.0, 20.0, second)))
    loop.advance(20.1)
    loop.advance(30.1)
    assert second.expired == 1
