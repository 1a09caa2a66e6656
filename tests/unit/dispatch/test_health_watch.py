"""Ejection, probation and return of replicas, on a clock that the test moves."""

from collections.abc import Iterable, Sequence

import pytest

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.health import Condition
from mcpmesh.dispatch.health_watch import HealthWatch
from mcpmesh.model.replica import Replica
from mcpmesh.policy.blame import Verdict
from mcpmesh.policy.health import HealthPolicy
from tests.unit.stack.virtual import VirtualLoop

FAILURE, SUCCESS, NEITHER = Verdict.FAILURE, Verdict.SUCCESS, Verdict.NEITHER


class Fleet:
    """Replicas that all serve the same, and who watches over them; Peers."""

    def __init__(self, count: int) -> None:
        self.loop = VirtualLoop()
        self.ejections: list[str] = []
        self.changes: list[str] = []
        self.watch = HealthWatch(
            self.loop,  # type: ignore[arg-type]
            HealthPolicy(),
            self,
            self.ejections.append,
        )
        self.replicas: list[Candidate] = []
        for at in range(count):
            self.add(f"r{at}")

    def add(self, name: str) -> Candidate:
        candidate = Candidate(Replica(name, "10.0.0.1:1"))
        self.replicas.append(candidate)
        self.watch.add(candidate)
        candidate.connection = object()
        self.watch.connected(candidate)
        return candidate

    def groups(self, replica_id: str) -> Iterable[Sequence[Candidate]]:
        return [self.replicas]

    def health_changed(self, candidate: Candidate) -> None:
        self.changes.append(candidate.replica.id)

    def conditions(self) -> list[str]:
        return [each.health.label for each in self.replicas]


def fail(candidate: Candidate, times: int) -> None:
    for _ in range(times):
        candidate.learn(FAILURE)


def test_five_failures_in_a_row_eject_at_once() -> None:
    fleet = Fleet(4)
    bad = fleet.replicas[0]
    fail(bad, 4)
    bad.learn(SUCCESS)
    fail(bad, 4)
    assert fleet.conditions() == ["HEALTHY"] * 4
    bad.learn(FAILURE)
    assert fleet.conditions() == ["EJECTED", "HEALTHY", "HEALTHY", "HEALTHY"]
    assert (fleet.ejections, fleet.changes) == (["failures_in_row"], ["r0"])
    assert bad.health.reason == "5 failures in a row"


def test_after_its_time_it_proves_itself_and_starts_slowly() -> None:
    fleet = Fleet(4)
    bad = fleet.replicas[0]
    fail(bad, 5)
    fleet.loop.advance(29.0)
    assert bad.health.condition is Condition.EJECTED
    fleet.loop.advance(2.0)
    assert bad.health.condition is Condition.PROBATION
    for _ in range(3):
        assert bad.watched, "a success must be heard of"
        bad.learn(SUCCESS)
    assert bad.health.condition is Condition.SLOW_START
    fleet.loop.advance(11.0)
    assert bad.health.condition is Condition.HEALTHY
    assert not bad.watched


def test_one_failure_in_probation_ejects_again_and_longer() -> None:
    fleet = Fleet(4)
    bad = fleet.replicas[0]
    fail(bad, 5)
    fleet.loop.advance(31.0)
    bad.learn(SUCCESS)
    bad.learn(FAILURE)
    assert bad.health.condition is Condition.EJECTED
    assert bad.health.until - fleet.loop.now == pytest.approx(60.0)
    assert fleet.ejections == ["failures_in_row", "probation"]


def test_a_second_one_waits_until_there_is_room_for_its_ejection() -> None:
    fleet = Fleet(4)
    first, second = fleet.replicas[:2]
    fail(first, 5)
    fail(second, 7)
    assert fleet.conditions() == ["EJECTED", "HEALTHY", "HEALTHY", "HEALTHY"]
    fleet.loop.advance(31.0)
    for _ in range(3):
        first.learn(SUCCESS)
    fleet.loop.advance(2.0)
    assert fleet.conditions() == ["SLOW_START", "EJECTED", "HEALTHY", "HEALTHY"]


def test_the_only_replica_is_never_ejected() -> None:
    fleet = Fleet(1)
    fail(fleet.replicas[0], 1000)
    assert fleet.conditions() == ["HEALTHY"]


def test_a_low_success_rate_ejects_at_the_end_of_the_interval() -> None:
    fleet = Fleet(6)
    for candidate in fleet.replicas:
        candidate.successes += 200
    bad = fleet.replicas[2]
    for _ in range(100):
        fail(bad, 1)
        bad.learn(SUCCESS)
    assert bad.health.fit
    fleet.loop.advance(11.0)
    assert fleet.ejections == ["failure_rate"]
    assert bad.health.reason == "75.0% of its calls succeeded, 95.8% of those of its peers"
    # What happened in an interval that is over does not count again.
    fleet.loop.advance(45.0)
    for _ in range(3):
        bad.learn(SUCCESS)
    fleet.loop.advance(30.0)
    assert fleet.conditions() == ["HEALTHY"] * 6
    assert fleet.ejections == ["failure_rate"]


def test_ejections_are_forgiven_with_time() -> None:
    fleet = Fleet(4)
    bad = fleet.replicas[0]
    fail(bad, 5)
    fleet.loop.advance(31.0)
    for _ in range(3):
        bad.learn(SUCCESS)
    fleet.loop.advance(40.0)
    assert bad.health.ejections == 0
    fail(bad, 5)
    assert bad.health.until - fleet.loop.now == pytest.approx(30.0)


def test_replicas_that_come_together_do_not_start_slowly() -> None:
    assert Fleet(3).conditions() == ["HEALTHY"] * 3


def test_a_newcomer_among_warm_ones_starts_slowly() -> None:
    fleet = Fleet(2)
    fleet.loop.advance(10.0)
    newcomer = fleet.add("r9")
    assert (newcomer.health.label, newcomer.health.reason) == ("SLOW_START", "is new")
    fleet.loop.advance(11.0)
    assert newcomer.health.label == "HEALTHY"


def test_moving_to_a_new_connection_changes_nothing_and_coming_back_cold_does() -> None:
    fleet = Fleet(2)
    mover = fleet.replicas[0]
    fleet.loop.advance(20.0)
    for away, label in ((0.5, "HEALTHY"), (5.0, "SLOW_START")):
        fleet.watch.lost(mover)
        fleet.loop.advance(away)
        fleet.watch.connected(mover)
        assert mover.health.label == label


def test_a_replica_that_lost_calls_proves_itself_when_it_is_back() -> None:
    fleet = Fleet(3)
    crashed = fleet.replicas[0]
    crashed.lost_calls = 12
    fleet.watch.lost(crashed)
    fleet.watch.connected(crashed)
    assert crashed.health.label == "PROBATION"
    assert crashed.health.reason == "lost 12 calls with its connection"
    assert not fleet.ejections


def test_a_silent_replica_gets_no_calls_until_it_answers_and_then_few() -> None:
    fleet = Fleet(3)
    hung = fleet.replicas[0]
    fleet.watch.silent(hung, True)
    assert fleet.changes == ["r0"]
    assert (hung.health.label, hung.health.fit) == ("SILENT", False)
    fleet.watch.silent(hung, False)
    assert hung.health.label == "PROBATION"
    assert fleet.changes == ["r0", "r0"]


def test_a_failed_health_check_takes_a_replica_out_and_a_good_one_brings_it_back() -> None:
    fleet = Fleet(3)
    checked = fleet.replicas[0]
    fleet.watch.refused(checked, "its health service says NOT_SERVING")
    assert checked.health.label == "UNHEALTHY"
    fleet.watch.refused(checked, "")
    assert checked.health.label == "SLOW_START"
    assert fleet.changes == ["r0", "r0"]


def test_who_left_is_looked_at_no_more() -> None:
    fleet = Fleet(2)
    gone = fleet.replicas.pop(0)
    fleet.watch.remove(gone)
    fail(gone, 10)
    fleet.loop.advance(20.0)
    assert not fleet.ejections


def test_asking_for_room_gets_rarer_the_more_calls_fail() -> None:
    fleet = Fleet(2)
    asked = 0

    class Counting:
        def groups(self, replica_id: str) -> Iterable[Sequence[Candidate]]:
            nonlocal asked
            asked += 1
            return fleet.groups(replica_id)

        def health_changed(self, candidate: Candidate) -> None:
            fleet.health_changed(candidate)

    watch = HealthWatch(fleet.loop, HealthPolicy(), Counting())  # type: ignore[arg-type]
    for candidate in fleet.replicas:
        watch.add(candidate)
    fail(fleet.replicas[0], 5)
    asked = 0
    fail(fleet.replicas[1], 5000)
    assert 0 < asked <= 10
