from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.p2c import P2CPicker
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool


def candidates(*weights: int) -> tuple[Candidate, ...]:
    made = tuple(
        Candidate(Replica(f"r{number}", f"10.0.0.{number}:50051", weight=weight))
        for number, weight in enumerate(weights)
    )
    for each in made:
        each.connection = object()
    return made


def spread(picker: P2CPicker, picks: int, held: int) -> Counter[str]:
    """Pick many times, with so many calls in flight at once."""
    rng = Random(11)
    running: list[Candidate] = []
    counts: Counter[str] = Counter()
    for _ in range(picks):
        picked = picker.pick(rng, 0.0)
        assert picked is not None
        counts[picked.replica.id] += 1
        picked.in_flight += 1
        running.append(picked)
        if len(running) > held:
            running.pop(rng.randrange(len(running))).in_flight -= 1
    return counts


@pytest.mark.parametrize("held", [0, 4, 64])
def test_equal_replicas_get_equal_shares(held: int) -> None:
    counts = spread(P2CPicker(candidates(1, 1, 1)), 3000, held)
    assert all(800 < count < 1200 for count in counts.values())


def test_shares_follow_the_weights_under_load() -> None:
    counts = spread(P2CPicker(candidates(1, 3)), 4000, 40)
    assert 2.4 < counts["r1"] / counts["r0"] < 3.6


def test_a_replica_with_more_calls_in_flight_is_passed_over() -> None:
    busy, free = candidates(1, 1)
    busy.in_flight = 5
    rng = Random(3)
    picker = P2CPicker((busy, free))
    assert {picker.pick(rng, 0.0) for _ in range(20)} == {free}


def test_who_failed_the_call_is_taken_only_when_nobody_else_is_left() -> None:
    one, other = candidates(1, 1)
    rng = Random(3)
    picker = P2CPicker((one, other))
    assert {picker.pick(rng, 0.0, ("r0",)) for _ in range(20)} == {other}
    assert picker.pick(rng, 0.0, ("r0", "r1")) in (one, other)
    assert P2CPicker((one,)).pick(rng, 0.0, ("r0",)) is one


def test_nobody_is_picked_of_none() -> None:
    assert P2CPicker(()).pick(Random(1), 0.0) is None


@given(
    weights=st.lists(st.integers(1, 1000), min_size=1, max_size=12),
    load=st.lists(st.integers(0, 10_000), min_size=12, max_size=12),
    seed=st.integers(),
)
def test_no_replica_starves(weights: list[int], load: list[int], seed: int) -> None:
    made = candidates(*weights)
    for candidate, in_flight in zip(made, load, strict=False):
        candidate.in_flight = in_flight
    picker, rng = P2CPicker(made), Random(seed)
    starved = set(made)
    # Calls that never end: everybody's turn comes when the others are loaded enough.
    for _ in range(1_000_000):
        picked = picker.pick(rng, 0.0)
        assert picked is not None
        starved.discard(picked)
        if not starved:
            return
        picked.in_flight += max(1, picked.in_flight)
    raise AssertionError(f"never picked: {starved}")


def test_only_replicas_that_are_ready_and_do_not_drain_are_in_a_route() -> None:
    made = {each.replica.id: each for each in candidates(1, 1, 1, 1)}
    made["r1"].connection = None
    replicas = tuple(each.replica for each in made.values())
    unknown = Replica("r9", "10.0.0.9:1")
    tools = {"echo": (Cluster(Tool("echo"), (*replicas, unknown), frozenset({"r2"})),)}
    routes = updated(Routes(), Catalog(1, tools), frozenset({"echo"}), made)
    route = routes.find("echo")
    assert route is not None
    assert route.picker.candidates == (made["r0"], made["r3"])


def test_calls_without_a_version_go_to_the_newest_that_has_a_ready_replica() -> None:
    made = {each.replica.id: each for each in candidates(1, 1)}
    new, old = (
        Cluster(Tool("echo", version=version), (made[name].replica,))
        for name, version in (("r0", "new"), ("r1", "old"))
    )
    catalog, names = Catalog(1, {"echo": (new, old)}), frozenset({"echo"})
    for connected, expected in ((True, new), (False, old)):
        made["r0"].connection = object() if connected else None
        route = updated(Routes(), catalog, names, made).find("echo")
        assert route is not None
        assert route.cluster is expected
    made["r1"].connection = None
    none_ready = updated(Routes(), catalog, names, made)
    assert none_ready.find("echo").cluster is new
    assert none_ready.find("echo", "old").cluster is old


def test_routes_change_only_where_the_catalog_did() -> None:
    made = {each.replica.id: each for each in candidates(1)}
    clusters = {name: (Cluster(Tool(name), (made["r0"].replica,)),) for name in ("a", "b")}
    before = updated(Routes(), Catalog(1, clusters), frozenset({"a", "b"}), made)
    after = updated(before, Catalog(2, {"b": clusters["b"]}), frozenset({"a"}), made)
    assert before.find("a") is not None
    assert after.find("a") is None
    assert after.find("b") is before.find("b")
