"""Which replica serves which tools: followed from catalog to catalog, tool by tool."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica

_NO_TOOLS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Turnover:
    """Replicas that came or changed, and the ids of those that went."""

    there: tuple[Replica, ...] = ()
    gone: tuple[str, ...] = ()


class Serving:
    """The replicas of a catalog, and the tools of each.

    What a catalog change costs follows from the tools that changed, not from how many there are.
    """

    def __init__(self) -> None:
        self._replicas: dict[str, Replica] = {}
        self._tools: dict[str, set[str]] = {}
        # What each tool and service was when it was last looked at; a service has a slash in front.
        self._known: dict[str, tuple[Replica, ...]] = {}
        self._services: Mapping[str, Cluster] = {}
        self._frozen: dict[str, frozenset[str]] = {}
        # The hashes of its tools' names, of each replica, taken together.
        self._kinds: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Serving {len(self._replicas)} replicas>"

    def tools_of(self, replica_id: str) -> frozenset[str]:
        """Return the names of the tools that a replica serves."""
        found = self._frozen.get(replica_id)
        if found is None:
            tools = self._tools.get(replica_id, _NO_TOOLS)
            found = frozenset(name for name in tools if name[0] != "/")
            if tools:
                self._frozen[replica_id] = found
        return found

    def kind_of(self, replica_id: str) -> int:
        """Return a number that is the same for replicas which serve the same tools and services.

        Kept as tools come and go: comparing a thousand tools of each of a thousand replicas would
        hold up every call for a tenth of a second.
        """
        return self._kinds.get(replica_id, 0)

    def follow(self, catalog: Catalog, changed: frozenset[str]) -> Turnover:
        """Take a catalog in which so many tools changed since the last."""
        steps = _Steps()
        for name in changed:
            clusters = catalog.clusters.get(name, ())
            replicas = (
                clusters[0].replicas
                if len(clusters) == 1
                else tuple(each for cluster in clusters for each in cluster.replicas)
            )
            self._step(name, replicas, steps)
        if catalog.services is not self._services:
            for service in self._services.keys() - catalog.services.keys():
                self._step(f"/{service}", (), steps)
            for service, cluster in catalog.services.items():
                self._step(f"/{service}", cluster.replicas, steps)
            self._services = catalog.services
        gone = tuple(each for each in steps.left if not self._tools[each])
        for replica_id in gone:
            del self._tools[replica_id], self._replicas[replica_id], self._kinds[replica_id]
            self._frozen.pop(replica_id, None)
            steps.there.pop(replica_id, None)
        return Turnover(tuple(steps.there.values()), gone)

    def _step(self, name: str, replicas: tuple[Replica, ...], steps: "_Steps") -> None:
        before = self._known.get(name, ())
        if before == replicas:
            return
        if replicas:
            self._known[name] = replicas
        else:
            del self._known[name]
        old = {each.id: each for each in before}
        for each in replicas:
            if old.pop(each.id, None) is not each:
                self._replicas[each.id] = each
                tools = self._tools.setdefault(each.id, set())
                # It may stand there twice, for two versions.
                if name not in tools:
                    tools.add(name)
                    self._kinds[each.id] = self._kinds.get(each.id, 0) ^ hash(name)
                self._frozen.pop(each.id, None)
                steps.there[each.id] = each
        for replica_id in old:
            self._tools[replica_id].discard(name)
            self._kinds[replica_id] ^= hash(name)
            self._frozen.pop(replica_id, None)
            steps.left.add(replica_id)


@dataclass(slots=True)
class _Steps:
    """What was found so far."""

    there: dict[str, Replica] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
