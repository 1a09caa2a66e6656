"""Says why calls of a tool go where they go, for people."""

from collections.abc import Sequence

from mcpmesh.balance.balancer import Route
from mcpmesh.balance.pick_log import Pick
from mcpmesh.codec.tool import duration, seconds
from mcpmesh.dispatch.replica_view import DRAINING, READY
from mcpmesh.router.version_sharing import sharing
from mcpmesh.v1 import discovery_pb2


def explain(
    route: Route,
    statuses: Sequence[discovery_pb2.ReplicaStatus],
    now: float,
    routes: Sequence[Route] = (),
) -> discovery_pb2.ExplainToolResponse:
    """Rank a route's replicas as they stand, and show its last picks.

    `routes` are those of all versions of the tool.

    Units: `now` in seconds of the picks' clock.
    """
    takers = {each.replica.id for each in route.picker.candidates}
    ranked = [_ranked(status, status.replica.id in takers) for status in statuses]
    ranked.sort(key=_place)
    tool = route.cluster.tool
    return discovery_pb2.ExplainToolResponse(
        name=tool.name,
        version=tool.version,
        policy=route.policy.balance.policy,
        summary=_summary(route, len(takers), len(statuses)) + sharing(routes),
        ranking=ranked,
        picks=[_pick(pick, now) for pick in reversed(route.load.picks.picks)],
    )


def _summary(route: Route, takers: int, replicas: int) -> str:
    said = f"{takers} of {replicas} replicas take calls"
    if route.panic:
        said += "; too few are healthy, so health is ignored"
    if route.load.out:
        said += (
            f"; every call fails, so {route.load.admission.probes:g} per second are tried and the "
            "others are refused at once"
        )
    if not takers and route.coming:
        said += "; one is being connected to, and calls wait for it"
    elif not takers:
        said += "; calls are refused with UNAVAILABLE"
    return said + "."


def _ranked(status: discovery_pb2.ReplicaStatus, takes_calls: bool) -> discovery_pb2.RankedReplica:
    reason = _taking(status) if takes_calls else _left_out(status)
    if status.health_reason:
        reason += f": {status.health_reason}"
    return discovery_pb2.RankedReplica(status=status, takes_calls=takes_calls, reason=reason)


def _taking(status: discovery_pb2.ReplicaStatus) -> str:
    match status.health:
        case "PROBATION":
            return "takes one call at a time, to prove itself"
        case "SLOW_START":
            return f"starts slowly, with {status.share:.0%} of its share"
        case "HEALTHY" | "":
            # Nothing else is said of a replica that is healthy.
            return "takes less than its share" if status.health_reason else "takes its share"
    return f"takes calls although it is {status.health}, as too few are healthy"


def _left_out(status: discovery_pb2.ReplicaStatus) -> str:
    if status.state == DRAINING:
        return "finishes what it has, and takes no more"
    if status.state != READY:
        return f"not connected ({status.reason or status.state})"
    if status.health == "EJECTED":
        return f"left out for {seconds(status.ejected_for):.0f} s more"
    if status.health == "SILENT":
        return "does not answer"
    if status.health == "UNHEALTHY":
        return "its health check fails"
    return "not among those that are picked"


def _place(ranked: discovery_pb2.RankedReplica) -> tuple[bool, bool, float, str]:
    """Order by who takes a call soonest: by load for its weight, among those that take calls."""
    status = ranked.status
    load = (status.in_flight + 1) / (max(1, status.replica.weight) * (status.share or 1.0))
    return (not ranked.takes_calls, status.health == "PROBATION", load, status.replica.id)


def _pick(pick: Pick, now: float) -> discovery_pb2.Pick:
    return discovery_pb2.Pick(
        ago=duration(max(0.0, now - pick.at)),
        replica_id=pick.replica_id,
        attempt=pick.attempt,
        in_flight=pick.in_flight,
        least_in_flight=pick.least,
        most_in_flight=pick.most,
        reason=pick.reason,
    )
