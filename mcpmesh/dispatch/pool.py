"""Our connections to the replicas, one each, and the routes over those that are ready."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from random import Random

from mcpmesh.balance.balancer import NO_TABLES, Routes, service_routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.health import Condition
from mcpmesh.balance.place import NOWHERE, Place
from mcpmesh.balance.serving import Serving
from mcpmesh.dispatch.health_checker import HealthChecker
from mcpmesh.dispatch.health_watch import HealthWatch
from mcpmesh.dispatch.pace_watch import PaceWatch
from mcpmesh.dispatch.replica_view import Standing
from mcpmesh.dispatch.straight_call import attempt_of
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.policy.health import HealthPolicy
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.rpc.subchannel import State, Subchannel
from mcpmesh.stack.move import move_elsewhere
from mcpmesh.transport.credentials import ChannelCredentials
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.link_times import LinkTimes
from mcpmesh.wire.limits import Limits

#: Seconds that attempts on a replica that left the catalog may still take.
_FORGET_GRACE = 30.0
_COUNTED_FOR = 0.1


class Pool:
    """Keeps a subchannel per replica of the catalog; a RouteTable, a ReplicaView and Peers."""

    def __init__(
        self,
        hub: Hub,
        rng: Random,
        limits: Limits,
        *,
        reconnected: Callable[[str], None] = lambda _replica_id: None,
        lost: Callable[[str], None] = lambda _replica_id: None,
        gone: Callable[[str, int], None] = lambda _host, _port: None,
        credentials: ChannelCredentials | None = None,
        policies: ToolPolicies = NO_TABLES,
        place: Place = NOWHERE,
        health: HealthPolicy | None = None,
        ejected: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """Begin without replicas.

        `reconnected` is told a replica's id when a connection to it was made, `lost` when it ended
        or could not be made; with `credentials`, connections speak TLS. `gone` is told a host and
        port, when the last attempt there ended and no replica of the catalog is there any more.
        `ejected` is told why, in a word, of each ejection.
        """
        #: Read by the data path; replaced as a whole by the control path.
        self.routes = Routes()
        #: The same for services that are no tools.
        self.service_routes = Routes()
        self._hub = hub
        self._rng = rng
        self._limits = limits
        self._reconnected = reconnected
        self._lost = lost
        self._credentials = credentials
        self._gone = gone
        self._policies = policies
        self._place = place
        self._health_policy = health or HealthPolicy()
        self._times = LinkTimes(
            silence=self._health_policy.silence, keepalive=self._health_policy.keepalive
        )
        loop = asyncio.get_running_loop()
        self._health = HealthWatch(loop, self._health_policy, self, ejected)
        self._checker = HealthChecker(loop, rng, self._health_policy.check, self._health.refused)
        self._pace = PaceWatch(loop, self._health_policy.slower, self._alike)
        self._catalog = Catalog()
        self._candidates: dict[str, Candidate] = {}
        self._subchannels: dict[str, Subchannel] = {}
        self._serving = Serving()
        self._picks: tuple[float, dict[frozenset[str], int]] = (float("-inf"), {})
        self._groups: list[list[Candidate]] | None = None
        self._listeners: list[Callable[[], None]] = []
        self._closing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        ready = sum(each.connection is not None for each in self._candidates.values())
        return f"<Pool {ready} of {len(self._candidates)} replicas ready>"

    # RouteTable and ReplicaView

    def listen(self, changed: Callable[[], None]) -> None:
        """Have somebody told of every change of routes from now on."""
        self._listeners.append(changed)

    def state(self, replica_id: str) -> tuple[str, int, str]:
        """Return a replica's state, its attempts in flight, and why it is not READY."""
        subchannel = self._subchannels.get(replica_id)
        if subchannel is None:
            return State.IDLE.value, 0, "not known to this router yet"
        in_flight = self._candidates[replica_id].in_flight
        return subchannel.state.value, in_flight, subchannel.reason

    def standing(self, replica_id: str) -> Standing | None:
        """Return what this process thinks of a replica; None when it is not known (yet)."""
        candidate = self._candidates.get(replica_id)
        if candidate is None:
            return None
        now = asyncio.get_running_loop().time()
        health = candidate.health
        picks = self._picks_by_tools(now).get(self._serving.tools_of(replica_id), 0)
        recent = candidate.recent.so_far(candidate.counts(now))
        return Standing(
            health.label,
            health.refused or health.reason or candidate.pace.told,
            max(0.0, health.until - now) if health.condition is Condition.EJECTED else None,
            health.share,
            recent,
            min(1.0, recent.picks / picks) if picks else 0.0,
            candidate.picks,
        )

    def _picks_by_tools(self, now: float) -> dict[frozenset[str], int]:
        """Count the recent picks of all replicas that serve the same tools.

        Kept for a moment: a list of all replicas asks for each.
        """
        at, totals = self._picks
        if now - at > _COUNTED_FOR:
            totals = {}
            for replica_id, candidate in self._candidates.items():
                tools = self._serving.tools_of(replica_id)
                picks = candidate.recent.so_far(candidate.counts(now)).picks
                totals[tools] = totals.get(tools, 0) + picks
            self._picks = now, totals
        return totals

    def states(self) -> dict[str, int]:
        """Count the replicas by state; an exporter's thread may ask."""
        counts: dict[str, int] = {}
        for subchannel in tuple(self._subchannels.values()):
            counts[subchannel.state.value] = counts.get(subchannel.state.value, 0) + 1
        return counts

    def healths(self) -> dict[str, int]:
        """Count the replicas by health; an exporter's thread may ask."""
        counts: dict[str, int] = {}
        for candidate in tuple(self._candidates.values()):
            label = candidate.health.label
            counts[label] = counts.get(label, 0) + 1
        return counts

    # Peers

    def groups(self, replica_id: str) -> Iterable[Sequence[Candidate]]:
        """Return the replicas of each tool and service that this one serves, itself included."""
        for cluster in self._clusters(replica_id):
            candidates = [
                self._candidates[each.id]
                for each in cluster.replicas
                if each.id not in cluster.draining and each.id in self._candidates
            ]
            if any(each.replica.id == replica_id for each in candidates):
                yield candidates

    def health_changed(self, candidate: Candidate) -> None:
        """Learn that other calls go to a replica now."""
        self._rebuild(self._serving.tools_of(candidate.replica.id))

    def _alike(self) -> list[list[Candidate]]:
        """Return the replicas that serve the same tools and services, in groups."""
        if self._groups is None:
            groups: dict[int, list[Candidate]] = {}
            for replica_id, each in self._candidates.items():
                groups.setdefault(self._serving.kind_of(replica_id), []).append(each)
            self._groups = [group for group in groups.values() if len(group) > 1]
        return self._groups

    def _clusters(self, replica_id: str) -> Iterable[Cluster]:
        for tool in self._serving.tools_of(replica_id):
            yield from self._catalog.clusters.get(tool, ())
        for service in self._candidates[replica_id].replica.services:
            if service in self._catalog.services:
                yield self._catalog.services[service]

    # The control path

    def on_catalog(self, catalog: Catalog, changed: frozenset[str]) -> None:
        """Take a new catalog: connect to who came, let go of who went."""
        self._catalog = catalog
        self._groups = None
        turnover = self._serving.follow(catalog, changed)
        for replica_id in turnover.gone:
            self._forget(replica_id)
        for replica in turnover.there:
            known = self._candidates.get(replica.id)
            if known is None:
                self._add(replica)
            elif known.replica.endpoint != replica.endpoint:
                self._forget(replica.id)
                self._add(replica)
            else:
                known.renew(replica)
        self._rebuild(changed)

    async def close(self, grace: float) -> None:
        """Close all connections, after letting attempts finish for `grace` seconds."""
        self._health.close()
        self._pace.close()
        self._checker.close()
        subchannels = list(self._subchannels.values())
        self._subchannels.clear()
        await asyncio.gather(*(each.close(grace) for each in subchannels), *self._closing)

    def _add(self, replica: Replica) -> None:
        candidate = self._candidates[replica.id] = Candidate(replica)
        self._health.add(candidate)
        self._pace.start()
        self._checker.add(candidate)
        subchannel = self._subchannels[replica.id] = Subchannel(
            replica.endpoint,
            self._hub,
            rng=self._rng,
            limits=self._limits,
            eager=True,
            on_state=lambda changed: self._on_state(replica.id, changed),
            on_silence=lambda about, silent: self._on_silence(replica.id, about, silent),
            times=self._times,
            credentials=self._credentials,
            server_name=replica.server_name,
        )
        subchannel.connect()

    def _forget(self, replica_id: str) -> None:
        """Let go of a replica; attempts that are on their way to it still finish."""
        candidate = self._candidates.pop(replica_id)
        candidate.connection = None
        self._health.remove(candidate)
        self._checker.remove(candidate)
        closing = asyncio.ensure_future(
            self._let_go(self._subchannels.pop(replica_id), candidate.address)
        )
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _let_go(self, subchannel: Subchannel, address: tuple[str, int]) -> None:
        await subchannel.close(_FORGET_GRACE)
        # A replica that started again may have the address by now.
        if all(each.address != address for each in self._candidates.values()):
            self._gone(*address)

    def _on_state(self, replica_id: str, subchannel: Subchannel) -> None:
        candidate = self._candidates.get(replica_id)
        if candidate is None or self._subchannels.get(replica_id) is not subchannel:
            return
        if subchannel.state in (State.IDLE, State.TRANSIENT_FAILURE):
            self._lost(replica_id)
        before, hoped = candidate.connection, candidate.coming
        candidate.connection, candidate.coming = subchannel.connection, subchannel.coming
        if candidate.connection is before and candidate.coming == hoped:
            return
        if candidate.connection is None:
            self._health.lost(candidate)
        elif candidate.connection is not before:
            self._health.connected(candidate)
        # Also when hope is gone: calls that waited for this replica are to be told.
        self._rebuild(self._serving.tools_of(replica_id))
        if candidate.connection is not None and candidate.connection is not before:
            self._reconnected(replica_id)

    def _on_silence(self, replica_id: str, subchannel: Subchannel, silent: bool) -> None:
        candidate = self._candidates.get(replica_id)
        if candidate is None or self._subchannels.get(replica_id) is not subchannel:
            return
        # First the health, so that none of its calls comes back to it.
        self._health.silent(candidate, silent)
        if silent and subchannel.connection is not None:
            for stream in list(subchannel.connection.streams.values()):
                attempt = attempt_of(stream.sink)
                if attempt is not None:
                    move_elsewhere(attempt)

    def _rebuild(self, changed: frozenset[str]) -> None:
        panic_ratio = self._health_policy.panic_ratio
        self.routes = updated(
            self.routes,
            self._catalog,
            changed,
            self._candidates,
            self._policies,
            panic_ratio,
            self._place,
        )
        if self._catalog.services or self.service_routes.by_tool:
            self.service_routes = service_routes(
                self.service_routes, self._catalog, self._candidates, panic_ratio
            )
        for listener in self._listeners:
            listener()
