from random import Random

from mcpmesh.balance.prequal import PrequalPicker
from mcpmesh.balance.probe_pool import ProbePool
from mcpmesh.policy.balancing import Balancing
from tests.unit.balance.candidates import picks, ready

SETTINGS = Balancing("prequal")


def pool_of(*answers: tuple[float, float], at: float = 0.0, **more: float) -> ProbePool:
    """Return a pool with an answer (in flight, latency) of r0, r1, …"""
    pool = ProbePool(Balancing("prequal", **more))  # type: ignore[arg-type]
    for each, (in_flight, latency) in zip(ready(*[1] * len(answers)), answers, strict=True):
        pool.add(each, in_flight, latency, at)
    return pool


def taken(pool: ProbePool, now: float = 0.0, avoid: tuple[str, ...] = ()) -> str | None:
    picked = pool.take(now, avoid)
    return picked and picked.replica.id


def test_the_fastest_of_those_that_are_not_hot_is_taken() -> None:
    # Hot is who has more than the 0.6-quantile, here 4.
    assert taken(pool_of((1, 0.5), (2, 0.3), (3, 0.2), (4, 0.9), (9, 0.1))) == "r2"


def test_when_all_are_hot_the_least_loaded_is_taken() -> None:
    pool = pool_of(*[(1, 0.1)] * 10)
    busy = ready(1, 1, 1)
    for each, (in_flight, latency) in zip(busy, [(9, 0.1), (7, 0.9), (8, 0.5)], strict=True):
        pool.add(each, in_flight, latency, 5.0)
    # The old answers, of another life, made 1 normal; only the new ones are left.
    assert pool.take(5.5) is busy[1]


def test_a_call_on_its_way_counts_until_the_next_answer() -> None:
    # Asked seldom, an answer serves several calls; six of them: hot is above 1.
    pool = pool_of((1, 0.1), (1, 0.2), *[(1, 0.9)] * 4, probes=0.5)
    assert [taken(pool), taken(pool)] == ["r0", "r1"]


def test_answers_grow_too_old() -> None:
    pool = pool_of((0, 0.1), (0, 0.2), at=10.0)
    assert taken(pool, 11.0) is not None
    assert taken(pool, 11.01) is None
    assert len(pool) == 0


def test_one_answer_is_no_choice() -> None:
    assert taken(pool_of((0, 0.1))) is None


def test_the_pool_is_bounded_and_the_oldest_goes_first() -> None:
    pool = pool_of(*[(1, 0.1)] * 30)
    assert len(pool) == 16
    assert taken(pool) not in {f"r{number}" for number in range(14)}


def test_an_answer_is_relied_on_once_when_enough_are_asked_and_more_often_when_few_are() -> None:
    for probes, uses in ((3.0, 1), (1.0, 2), (0.5, 4)):
        pool = ProbePool(Balancing("prequal", probes=probes, hot_quantile=1.0))
        made = ready(1, 1, 1)
        for each, in_flight in zip(made, (0, 50, 50), strict=True):
            pool.add(each, in_flight, 0.1, 0.0)
        taken_from = [pool.take(0.0) for _ in range(uses + 1)]
        assert taken_from[:uses] == [made[0]] * uses
        assert taken_from[uses] is not made[0]


def test_the_next_answer_of_a_replica_replaces_the_last() -> None:
    one, other = ready(1, 1)
    pool = ProbePool(SETTINGS)
    pool.add(one, 0, 0.9, 0.0)
    pool.add(other, 0, 0.5, 0.0)
    pool.add(one, 0, 0.1, 0.0)
    assert len(pool) == 2
    assert pool.take(0.0) is one


def test_replicas_that_are_gone_are_forgotten() -> None:
    one, other, third = ready(1, 1, 1)
    pool = ProbePool(SETTINGS)
    for each in (one, other, third):
        pool.add(each, 0, 0.1, 0.0)
    pool.keep((other, third))
    assert len(pool) == 2


def test_without_answers_the_less_loaded_of_two_is_picked() -> None:
    made = ready(1, 1)
    made[0].in_flight = 3
    picker = PrequalPicker(made, ProbePool(SETTINGS), SETTINGS)
    assert set(picks(picker, 20)) == {"r1"}


def test_who_failed_the_call_is_passed_over() -> None:
    assert taken(pool_of((0, 0.1), (0, 0.2), (0, 0.3)), avoid=("r0", "r1")) == "r2"
    assert taken(pool_of((0, 0.1), (0, 0.2)), avoid=("r0", "r1")) is None


def test_so_many_different_replicas_are_asked_with_each_call() -> None:
    rng = Random(1)
    picker = PrequalPicker(ready(*[1] * 50), ProbePool(SETTINGS), SETTINGS)
    for _ in range(50):
        assert len(set(picker.to_ask(rng))) == 3
    few = PrequalPicker(ready(1, 1), ProbePool(SETTINGS), SETTINGS)
    assert len(few.to_ask(rng)) == 2


def test_half_a_probe_is_one_with_every_second_call() -> None:
    rng = Random(1)
    picker = PrequalPicker(ready(*[1] * 50), ProbePool(SETTINGS), Balancing("prequal", probes=0.5))
    assert 400 < sum(len(picker.to_ask(rng)) for _ in range(1000)) < 600
