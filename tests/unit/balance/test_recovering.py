"""Who is picked while some prove themselves, or start slowly; and who is left out."""

from collections import Counter
from random import Random

from mcpmesh.balance.balancer import Route, Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.recovering import RecoveringPicker
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.slow_start import SlowStart


def candidates(count: int) -> list[Candidate]:
    made = [Candidate(Replica(f"r{at}", f"10.0.0.{at + 1}:1")) for at in range(count)]
    for each in made:
        each.connection = object()
    return made


def route(made: list[Candidate], panic_ratio: float = 0.5) -> Route:
    cluster = Cluster(Tool("echo"), tuple(each.replica for each in made))
    catalog = Catalog(1, {"echo": (cluster,)})
    by_id = {each.replica.id: each for each in made}
    routes = updated(Routes(), catalog, frozenset({"echo"}), by_id, panic_ratio=panic_ratio)
    found = routes.find("echo")
    assert found is not None
    return found


def picks(of: Route, count: int, avoid: tuple[str, ...] = ()) -> Counter[str]:
    rng = Random(5)
    counts: Counter[str] = Counter()
    for _ in range(count):
        picked = of.picker.pick(rng, 0.0, avoid)
        assert picked is not None
        counts[picked.replica.id] += 1
    return counts


def test_healthy_replicas_are_picked_without_a_detour() -> None:
    assert not isinstance(route(candidates(3)).picker, RecoveringPicker)


def test_an_ejected_replica_is_left_out() -> None:
    made = candidates(3)
    made[0].health.eject(0.0, 30.0, "")
    assert picks(route(made), 100).keys() == {"r1", "r2"}


def test_a_replica_in_probation_gets_the_next_call_and_then_none_until_it_ended() -> None:
    made = candidates(3)
    made[0].health.put_on_probation(0.0, "")
    assert picks(route(made), 100)["r0"] == 1


def test_a_trial_is_not_the_second_try_of_a_call_that_failed_there() -> None:
    made = candidates(3)
    made[0].health.put_on_probation(0.0, "")
    assert picks(route(made), 100, avoid=("r0",))["r0"] == 0


def test_a_replica_that_starts_slowly_gets_a_part_of_its_share() -> None:
    made = candidates(4)
    shares = {}
    for share in (0.1, 0.5):
        made[0].health.share = share
        shares[share] = picks(route(made), 4000)["r0"] / 1000
    assert 0.05 < shares[0.1] < 0.2
    assert 0.4 < shares[0.5] < 0.7


def test_a_replica_that_starts_slowly_alone_gets_every_call() -> None:
    made = candidates(1)
    made[0].health.start_slowly(0.0, SlowStart(), "")
    assert picks(route(made), 50) == {"r0": 50}


def test_when_few_are_healthy_all_are_picked_save_those_that_do_not_answer() -> None:
    made = candidates(5)
    for each in made[:3]:
        each.health.eject(0.0, 30.0, "")
    found = route(made)
    assert found.panic
    assert picks(found, 200).keys() == {"r0", "r1", "r2", "r3", "r4"}
    made[0].health.silent = True
    assert picks(route(made), 200).keys() == {"r3", "r4"}
    made[3].health.silent = True
    assert picks(route(made), 200).keys() == {"r1", "r2", "r4"}


def test_those_that_do_not_answer_bring_no_panic_about() -> None:
    made = candidates(4)
    made[0].health.silent = made[1].health.silent = True
    made[2].health.eject(0.0, 30.0, "")
    found = route(made)
    assert not found.panic
    assert picks(found, 50) == {"r3": 50}


def test_when_nobody_answers_all_are_picked() -> None:
    made = candidates(2)
    for each in made:
        each.health.silent = True
    assert picks(route(made), 50).keys() == {"r0", "r1"}


def test_without_a_panic_threshold_the_last_healthy_one_takes_all() -> None:
    made = candidates(5)
    for each in made[:4]:
        each.health.refused = "NOT_SERVING"
    assert picks(route(made, panic_ratio=0.0), 50) == {"r4": 50}
