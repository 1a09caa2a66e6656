from collections import Counter
from random import Random

from mcpmesh.balance.ring import RingPicker
from tests.unit.balance.candidates import picks, ready

KEYS = [f"user-{number}" for number in range(2000)]


def owners(picker: RingPicker) -> dict[str, str]:
    return {key: picker.pick(Random(1), 0.0, (), key).replica.id for key in KEYS}


def test_a_key_meets_at_one_replica_whoever_asks() -> None:
    made = ready(*[1] * 10)
    assert owners(RingPicker(made, 1.25)) == owners(RingPicker(made[::-1], 1.25))
    assert len(picks(RingPicker(made, 1.25), 20, key="user-7")) == 1


def test_every_replica_has_its_share_of_keys() -> None:
    counts = Counter(owners(RingPicker(ready(*[1] * 10), 1.25)).values())
    assert len(counts) == 10
    assert max(counts.values()) < 2 * min(counts.values()) + 100


def test_only_the_keys_of_a_replica_that_went_move() -> None:
    made = ready(*[1] * 10)
    before, after = owners(RingPicker(made, 1.25)), owners(RingPicker(made[:-1], 1.25))
    moved = {key for key in KEYS if before[key] != after[key]}
    assert moved == {key for key in KEYS if before[key] == "r9"}


def test_no_replica_gets_more_than_the_bound_lets_it_have() -> None:
    made = ready(*[1] * 8)
    picker, rng = RingPicker(made, 1.25), Random(1)
    for _ in range(800):
        picker.pick(rng, 0.0, (), "the one that all ask for").in_flight += 1
    assert max(each.in_flight for each in made) <= 1.25 * 100 + 1


def test_bound_holds_roughly_in_a_large_cluster_where_calls_are_not_counted_each_time() -> None:
    made = ready(*[1] * 400)
    picker, rng = RingPicker(made, 1.25), Random(1)
    for _ in range(8000):
        picker.pick(rng, 0.0, (), "the one that all ask for").in_flight += 1
    assert max(each.in_flight for each in made) <= 1.25 * 20 * 1.3


def test_who_failed_the_call_is_passed_over() -> None:
    picker = RingPicker(ready(1, 1, 1), 1.25)
    (owner,) = picks(picker, 20, key="k")
    others = picks(picker, 20, key="k", avoid=(owner,))
    assert owner not in others
    assert len(others) == 1
    assert picks(picker, 20, key="k", avoid=("r0", "r1", "r2")).total() == 20


def test_calls_without_a_key_are_spread() -> None:
    assert len(picks(RingPicker(ready(1, 1, 1), 1.25), 200)) == 3


def test_nobody_is_picked_of_none_and_the_only_one_of_one() -> None:
    assert RingPicker((), 1.25).pick(Random(1), 0.0, (), "k") is None
    assert set(picks(RingPicker(ready(1), 1.25), 5, key="k")) == {"r0"}


def test_with_one_call_per_replica_most_calls_are_at_the_replica_of_their_key() -> None:
    made, rng = ready(*[1] * 4), Random(1)
    for each in made:
        each.in_flight = 0
    picker = RingPicker(made, 1.25)
    home = {key: picker.pick(rng, 0.0, (), key) for key in KEYS}
    under_way, at_home = [], 0
    for key in KEYS:
        picked = picker.pick(rng, 0.0, (), key)
        picked.in_flight += 1
        at_home += picked is home[key]
        under_way.append(picked)
        if len(under_way) == 4:
            under_way.pop(rng.randrange(4)).in_flight -= 1
    assert at_home > 0.75 * len(KEYS)
