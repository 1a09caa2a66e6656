"""Who of a cluster's replicas can be picked now."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.priority import foremost, priority_of
from mcpmesh.model.catalog import Cluster
from mcpmesh.policy.panic import panics

#: Groups of replicas that are remembered while routes are built.
_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Available:
    """Replicas that take their share of calls, and those that take one now and then.

    `slow`: some of the first start slowly; `coming`: some replica will be ready in a moment;
    `panic`: so few are healthy that all who are connected are picked.
    """

    fit: tuple[Candidate, ...]
    on_trial: tuple[Candidate, ...] = ()
    slow: bool = False
    coming: bool = False
    panic: bool = False


def available(
    cluster: Cluster, candidates: Mapping[str, Candidate], panic_ratio: float
) -> Available:
    """Look at a cluster's replicas. Units: `panic_ratio` as in HealthPolicy."""
    known = [
        candidate
        for replica in cluster.replicas
        if replica.id not in cluster.draining
        and (candidate := candidates.get(replica.id)) is not None
    ]
    connected = tuple(candidate for candidate in known if candidate.connection is not None)
    coming = any(candidate.coming for candidate in known)
    # Those that do not answer are as good as not connected, unless there is nobody else.
    answering = tuple(each for each in connected if not each.health.silent) or connected
    fit = tuple(each for each in answering if each.health.fit)
    if not fit or panics(len(fit), len(answering), panic_ratio):
        return Available(foremost(answering), coming=coming, panic=bool(answering))
    fit = foremost(fit)
    last = priority_of(fit[0])
    on_trial = tuple(
        each for each in answering if each.health.on_trial and priority_of(each) <= last
    )
    return Available(fit, on_trial, any(each.health.share < 1.0 for each in fit), coming)


class Availability:
    """Looks at each group of replicas once while routes are built.

    A server's tools have the same replicas, mostly; of a server with 1,000 tools among a hundred
    others of its kind, looking anew for each took most of the time that its coming took.
    """

    def __init__(self, candidates: Mapping[str, Candidate], panic_ratio: float) -> None:
        self._candidates = candidates
        self._panic_ratio = panic_ratio
        self._seen: list[tuple[Cluster, Available]] = []

    def of(self, cluster: Cluster) -> Available:
        """Return who of a cluster can be picked."""
        for seen, found in self._seen:
            # The same objects, mostly: this compares no fields.
            if seen.replicas == cluster.replicas and seen.draining == cluster.draining:
                return found
        found = available(cluster, self._candidates, self._panic_ratio)
        self._seen = [(cluster, found), *self._seen[: _GROUPS - 1]]
        return found
