"""Why calls of a tool go where they go, in words."""

import pytest

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.codec.tool import duration
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.router.explain import explain
from mcpmesh.router.version_sharing import main_route
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


def versions(policy: dict, *served: str) -> Routes:
    """Routes of versions of one tool, of which these have a replica, the last one the newest."""
    clusters, candidates = [], {}
    for version in ("1", "2"):
        replica = Replica(f"r{version}", "h:1")
        candidates[replica.id] = candidate = Candidate(replica)
        if version in served:
            candidate.connection = object()
        clusters.insert(0, Cluster(Tool("echo", version=version), (replica,)))
    catalog = Catalog(1, {"echo": tuple(clusters)})
    policies = ToolPolicies({"echo": policy})
    return updated(Routes(), catalog, frozenset({"echo"}), candidates, policies)


@pytest.mark.parametrize(
    ("policy", "shown", "told"),
    [
        ({}, "2", ""),
        (
            {"split": {"shares": {"2": 0.05}, "metadata": {"x-canary=yes": "2"}}},
            "1",
            " Of calls that name no version, 5 % go to 2; those with x-canary=yes go to 2.",
        ),
        (
            {"mirror": {"version": "2", "share": 0.5}},
            "1",
            " Of calls that name no version, copies of 50 % go to 2.",
        ),
        (
            {"split": {"shares": {"7": 0.5}}, "mirror": {"version": "9"}},
            "2",
            " Of calls that name no version, 50 % go to 7; copies of 100 % go to 9. No replica "
            "serves 7 and 9 now.",
        ),
    ],
)
def test_versions_that_share_calls_are_told_and_the_one_that_gets_the_rest_is_shown(
    policy: dict, shown: str, told: str
) -> None:
    routes = versions(policy, "1", "2").by_tool["echo"]
    route = main_route(routes)
    assert route is not None
    assert route.cluster.tool.version == shown
    said = explain(route, [status(0)], 0.0, routes)
    assert said.summary.endswith(f"replicas take calls.{told}")


def test_when_the_version_that_gets_the_rest_is_away_the_one_that_serves_is_shown() -> None:
    routes = versions({"split": {"shares": {"2": 0.05}}}, "2").by_tool["echo"]
    route = main_route(routes)
    assert route is not None
    assert route.cluster.tool.version == "2"
