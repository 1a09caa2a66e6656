from collections import Counter
from random import Random

from mcpmesh.balance.p2c import ChoicesPicker, P2CPicker
from mcpmesh.balance.pickers import picker_of
from mcpmesh.balance.place import NOWHERE, Place
from mcpmesh.balance.prequal import PrequalPicker
from mcpmesh.balance.subset import subset
from mcpmesh.balance.turns import TurnsPicker
from mcpmesh.balance.zone import ZonePicker
from mcpmesh.policy.balancing import Balancing
from tests.unit.balance.candidates import picks, ready

ZONED = Balancing(zone_first=True)
HERE = Place("me", "a")


def test_replicas_of_our_zone_are_first() -> None:
    made = ready(1, 1, 1, 1, zones=("a", "b", "a", "b"))
    assert set(picks(picker_of(ZONED, made, place=HERE), 50)) == {"r0", "r2"}


def test_calls_spill_over_when_ours_are_so_much_more_loaded() -> None:
    made = ready(1, 1, zones=("a", "b"))
    picker = picker_of(ZONED, made, place=HERE)
    made[0].in_flight, made[1].in_flight = 7, 1
    assert set(picks(picker, 10)) == {"r0"}
    made[0].in_flight = 8
    assert set(picks(picker, 10)) == {"r1"}
    made[1].in_flight = 2
    assert set(picks(picker, 10)) == {"r0"}


def test_a_heavy_load_is_shared_by_the_spill() -> None:
    made = ready(1, 1, 1, 1, zones=("a", "b", "b", "b"))
    picker = picker_of(ZONED, made, place=HERE)
    rng = Random(1)
    for _ in range(700):
        picker.pick(rng, 0.0).in_flight += 1
    assert 380 < made[0].in_flight < 420


def test_who_failed_the_call_is_avoided_across_zones() -> None:
    made = ready(1, 1, zones=("a", "b"))
    picker = picker_of(ZONED, made, place=HERE)
    assert set(picks(picker, 10, avoid=("r0",))) == {"r1"}
    made[0].in_flight = 100
    assert set(picks(picker, 10, avoid=("r1",))) == {"r0"}


def test_without_a_zone_or_replicas_on_both_sides_there_is_nothing_to_prefer() -> None:
    made = ready(1, 1, zones=("a", "b"))
    assert isinstance(picker_of(ZONED, made, place=NOWHERE), P2CPicker)
    assert isinstance(picker_of(ZONED, made, place=Place("me", "c")), P2CPicker)
    assert isinstance(picker_of(ZONED, made[:1], place=HERE), P2CPicker)
    assert isinstance(picker_of(ZONED, made, place=HERE), ZonePicker)


def test_a_subset_is_the_choosers_own_and_stays_when_others_come() -> None:
    made = ready(*[1] * 100)
    mine = subset(made, 10, "router-1")
    assert len(mine) == 10
    assert subset(made[::-1], 10, "router-1") == mine[::-1]
    assert subset(made, 10, "router-2") != mine
    without = subset(tuple(each for each in made if each is not mine[0]), 10, "router-1")
    assert len(set(mine) & set(without)) == 9


def test_over_many_routers_every_replica_is_in_some_subsets() -> None:
    made = ready(*[1] * 50)
    counts = Counter(each for number in range(500) for each in subset(made, 10, f"router-{number}"))
    assert len(counts) == 50
    # 100 each on average, with a standard deviation of 9.
    assert 60 < min(counts.values()) <= max(counts.values()) < 140


def test_all_are_used_when_there_are_few() -> None:
    made = ready(1, 1)
    assert subset(made, 10, "me") is made
    assert subset(made, 0, "me") is made
    assert len(picker_of(Balancing(subset=1), made, place=HERE).candidates) == 1


def test_any_number_of_choices() -> None:
    made = ready(*[1] * 20)
    for number, each in enumerate(made):
        each.in_flight = number
    assert len(picks(picker_of(Balancing(choices=1), made), 500)) == 20
    three = picks(picker_of(Balancing(choices=3), made), 2000)
    # The least loaded is drawn by one of three with 1 - (19/20)³.
    assert 230 < three["r0"] < 340
    assert isinstance(picker_of(Balancing(choices=3), made), ChoicesPicker)


def test_what_follows_goes_on_where_the_last_picker_was() -> None:
    made = ready(1, 1, 1)
    turns = picker_of(Balancing("round_robin"), made)
    picks(turns, 5)
    after = picker_of(Balancing("round_robin"), made, before=turns)
    assert isinstance(after, TurnsPicker)
    assert after.turn == 5
    asked = picker_of(Balancing("prequal"), made)
    assert isinstance(asked, PrequalPicker)
    asked.pool.add(made[0], 1, 0.1, 0.0)
    kept = picker_of(Balancing("prequal"), made[1:], before=asked)
    assert isinstance(kept, PrequalPicker)
    assert kept.pool is asked.pool
    assert len(kept.pool) == 0
