"""Why calls of a tool go where they go, in words."""

import pytest

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.codec.tool import duration
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.router.explain import explain
from mcpmesh.v1 import discovery_pb2


def status(number: int, **fields: object) -> discovery_pb2.ReplicaStatus:
    told = {"state": "READY", "health": "HEALTHY", "share": 1.0} | fields
    replica = discovery_pb2.Replica(id=f"r{number}")
    return discovery_pb2.ReplicaStatus(replica=replica, **told)  # type: ignore[arg-type]


def explained(
    *statuses: discovery_pb2.ReplicaStatus, taking: int
) -> discovery_pb2.ExplainToolResponse:
    """Explain a tool of which the first replicas take calls."""
    replicas = tuple(Replica(f"r{number}", "h:1") for number in range(len(statuses)))
    candidates = {each.id: Candidate(each) for each in replicas}
    for candidate in list(candidates.values())[:taking]:
        candidate.connection = object()
    catalog = Catalog(1, {"echo": (Cluster(Tool("echo"), replicas),)})
    route = updated(Routes(), catalog, frozenset({"echo"}), candidates).find("echo")
    assert route is not None
    return explain(route, statuses, 0.0)


@pytest.mark.parametrize(
    ("fields", "taking", "reason"),
    [
        ({}, 1, "takes its share"),
        ({"health": "SLOW_START", "share": 0.3}, 1, "starts slowly, with 30% of its share"),
        (
            {"health": "EJECTED", "ejected_for": duration(12.0), "health_reason": "5 failures"},
            0,
            "left out for 12 s more: 5 failures",
        ),
        ({"health": "EJECTED"}, 1, "takes calls although it is EJECTED, as too few are healthy"),
        ({"state": "DRAINING"}, 0, "finishes what it has, and takes no more"),
        ({"state": "TRANSIENT_FAILURE", "reason": "refused"}, 0, "not connected (refused)"),
        ({"health": "SILENT"}, 0, "does not answer"),
        ({"health": "UNHEALTHY"}, 0, "its health check fails"),
    ],
)
def test_each_replica_is_told_why_it_takes_calls_or_does_not(
    fields: dict[str, object], taking: int, reason: str
) -> None:
    (ranked,) = explained(status(0, **fields), taking=taking).ranking
    assert (ranked.takes_calls, ranked.reason) == (bool(taking), reason)


def test_the_least_loaded_of_those_that_take_calls_comes_first() -> None:
    said = explained(
        status(0, in_flight=4), status(1, in_flight=1), status(2, in_flight=0), taking=2
    )
    assert [each.status.replica.id for each in said.ranking] == ["r1", "r0", "r2"]
    assert said.summary == "2 of 3 replicas take calls."


def test_a_tool_that_nobody_serves_now_is_told_so() -> None:
    said = explained(status(0, state="CONNECTING"), taking=0)
    assert said.summary == "0 of 1 replicas take calls; calls are refused with UNAVAILABLE."
