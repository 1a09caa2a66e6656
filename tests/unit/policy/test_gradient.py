from collections import deque

import pytest

from mcpmesh.policy.gradient import GradientLimit


def simulated(servers: int, service: float, offered: int, seconds: float) -> GradientLimit:
    """A station of servers with constant service; callers fill whatever the limit allows.

    An answer takes the service time, and longer as soon as there are more calls than servers.
    """
    limit = GradientLimit(100, 8, 1000, 0.0)
    now = 0.0
    flying: deque[float] = deque()
    free = [0.0] * servers
    while now < seconds:
        while len(flying) < min(offered, limit.now_allowed):
            at = min(range(servers), key=free.__getitem__)
            free[at] = max(now, free[at]) + service
            flying.append(free[at])
            flying = deque(sorted(flying))
        end = flying.popleft()
        in_flight = len(flying) + 1
        queued = max(0, in_flight - servers)
        now = max(now, end)
        limit.add(service * (1 + queued / servers), in_flight, now)
    return limit


def test_it_settles_near_what_the_tool_can_do_at_once() -> None:
    for servers in (10, 40):
        limit = simulated(servers, 0.02, 1000, 20.0)
        assert servers <= limit.limit <= 2.5 * servers, limit


def test_without_demand_it_does_not_grow() -> None:
    limit = simulated(50, 0.02, 5, 10.0)
    assert limit.limit == 100


def test_it_stays_within_its_bounds() -> None:
    limit = GradientLimit(20, 4, 30, 0.0)
    for step in range(1, 2000):
        limit.add(0.01 if step < 40 else 1.0, limit.now_allowed, step * 0.01)
        assert 4 <= limit.now_allowed <= 30
    assert limit.now_allowed < 8


def test_now_and_then_few_are_let_in_to_measure_anew() -> None:
    limit = GradientLimit(100, 4, 1000, 0.0)
    allowed = set()
    for step in range(1, 8000):
        limit.add(0.02, limit.now_allowed, step * 0.01)
        allowed.add(limit.now_allowed == 4)
        if step == 50:
            assert limit.unhurried == pytest.approx(0.02)
            assert limit.now_allowed > 100
            allowed.clear()
    assert allowed == {True, False}
