"""Replicas of a higher number wait until none of a lower one can serve."""

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool

ECHO = Tool("echo")


def candidate(name: str, priority: str = "", *, connected: bool = True) -> Candidate:
    labels = {"priority": priority} if priority else {}
    made = Candidate(Replica(name, "h:1", labels=labels))
    made.connection = object() if connected else None  # type: ignore[assignment]
    return made


def picked(*candidates: Candidate) -> list[str]:
    """Return who may be picked."""
    replicas = tuple(each.replica for each in candidates)
    catalog = Catalog(1, {"echo": (Cluster(ECHO, replicas),)})
    by_id = {each.replica.id: each for each in candidates}
    route = updated(Routes(), catalog, frozenset({"echo"}), by_id).find("echo")
    assert route is not None
    return [each.replica.id for each in route.picker.candidates]


def test_the_lowest_number_serves():
    assert picked(candidate("a", "10"), candidate("b", "20"), candidate("c", "10")) == ["a", "c"]
    assert picked(candidate("a", "9"), candidate("b", "10")) == ["a"]


def test_the_next_number_serves_when_nobody_of_the_lowest_is_connected():
    away = candidate("a", "10", connected=False)
    assert picked(away, candidate("b", "20"), candidate("c", "30")) == ["b"]


def test_without_a_number_a_replica_comes_first():
    assert picked(candidate("a"), candidate("b", "1"), candidate("c", "soon")) == ["a", "c"]
    assert picked(candidate("a"), candidate("b")) == ["a", "b"]
