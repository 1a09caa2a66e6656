"""A simulated router: the product's routes, layers, health and policies over simulated replicas.

Of the product's own stack everything runs but the sockets: Exit, Deadline, Retrying, Balance, and
the bottom's bookkeeping; ejection, probation and slow start too.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random
from typing import Any

from grpc import StatusCode

from benchmarks.balance.simulation.replica import Job, Outcome, Replica
from benchmarks.balance.simulation.scenario import Scenario
from benchmarks.balance.simulation.virtual_loop import VirtualLoop
from mcpmesh.balance.asking import asking
from mcpmesh.balance.balancer import Route, Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.place import Place
from mcpmesh.dispatch.health_watch import HealthWatch
from mcpmesh.dispatch.pace_watch import PaceWatch
from mcpmesh.errors import MeshError, ReplicaLost, ToolNotFound
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica as Registered
from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.policy.health import HealthPolicy
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.balance import Balance
from mcpmesh.stack.call import Call, Exit
from mcpmesh.stack.call_head import CallHead
from mcpmesh.stack.deadline import Deadline
from mcpmesh.stack.layer import stacked
from mcpmesh.stack.lost import Unsent
from mcpmesh.stack.retry import Retrying
from mcpmesh.stack.send import Send
from mcpmesh.transport.timers import Timers

TOOL = "echo"
_HEAD = CallHead("mcpmesh.v1.ToolService/Invoke", tool=TOOL)
#: Told of each call's end: the call, when it came, and its error or status when it failed.
Done = Callable[["SimulatedCall", str], None]


class SimulatedCall(Call):
    """A call that came at a time."""

    __slots__ = ("_done", "came", "picked")

    def __init__(self, came: float, done: Done) -> None:
        super().__init__(_HEAD)
        self.came = came
        self.picked: list[int] = []
        self._done = done

    #: Nobody is answered: simulated replicas send nothing.
    caller: Any = None

    def broken(self, error: BaseException) -> None:
        """No answer has parts here."""

    def failed(self, error: BaseException) -> None:
        self._done(self, type(error).__name__)

    def answered(self, code: StatusCode) -> None:
        """Learn the status."""
        self._done(self, "" if code is StatusCode.OK else code.name)


class Wire(Send):
    """The bottom: the product's books, and simulated replicas instead of streams."""

    def __init__(self, loop: VirtualLoop, scenario: Scenario) -> None:
        super().__init__(loop.time, loop.time)
        self._loop = loop
        self._network = scenario.network
        self._jobs: dict[Attempt, tuple[Replica, Job]] = {}

    def start(self, attempt: Attempt) -> None:
        candidate, call = attempt.candidate, attempt.call
        assert isinstance(call, SimulatedCall)
        if candidate.connection is None:
            self.fail(attempt, Unsent("not connected"))
            return
        number, replica = candidate.connection  # type: ignore[misc]
        call.picked.append(number)
        candidate.in_flight += 1
        self._loop.call_later(self._network, self._arrive, attempt, replica)

    def interrupted(self, attempt: Attempt, error: BaseException) -> None:
        replica, job = self._jobs.pop(attempt, (None, None))
        if replica is not None and job is not None:
            replica.abandon(job)
        self.failed(attempt, error)

    def _arrive(self, attempt: Attempt, replica: Replica) -> None:
        if attempt.call.current is not attempt:
            return
        if not replica.up:
            self.failed(attempt, Unsent("connection refused"))
            return
        ended = partial(self._loop.call_later, self._network, self._answered, attempt)
        self._jobs[attempt] = replica, replica.take(ended)

    def _answered(self, attempt: Attempt, outcome: Outcome) -> None:
        if self._jobs.pop(attempt, None) is None:
            return
        attempt.took = self._loop.now - attempt.began
        if outcome is Outcome.LOST:
            self.failed(attempt, ReplicaLost("connection lost"))
            return
        code = StatusCode.OK if outcome is Outcome.ANSWERED else StatusCode.INTERNAL
        if code is StatusCode.OK:
            attempt.candidate.seconds += attempt.took
        call = attempt.call
        assert isinstance(call, SimulatedCall)
        self.ended(attempt, code, "")
        call.answered(code)


class Router:
    """One router; a RouteTable, and the Peers of its health watch."""

    def __init__(
        self,
        name: str,
        loop: VirtualLoop,
        replicas: Sequence[Replica],
        scenario: Scenario,
        settings: dict[str, Any],
        ejects: bool,
        paces: bool,
        rng: Random,
    ) -> None:
        self._loop = loop
        self._rng = rng
        self._network = scenario.network
        self._policies = ToolPolicies({TOOL: settings})
        self._place = Place(name, "near" if scenario.near else "")
        self._policy = HealthPolicy()
        self._servers = replicas
        registered = [
            Registered(
                f"r{number:04}",
                f"10.0.{number // 250}.{number % 250}:1",
                labels={"zone": "near" if number < scenario.near else "far"},
            )
            for number in range(len(replicas))
        ]
        self._candidates = {each.id: Candidate(each) for each in registered}
        self._group = list(self._candidates.values())
        hints = ToolAnnotations(idempotent=scenario.idempotent)
        cluster = Cluster(Tool(TOOL, version="1", annotations=hints), tuple(registered))
        self._catalog = Catalog(1, {TOOL: (cluster,)})
        self._listeners: list[Callable[[], None]] = []
        self.routes = Routes()
        for number, each in enumerate(self._group):
            each.connection = (number, replicas[number])
            replicas[number].on_change.append(partial(self._on_connection, each, number))
        self._watch = HealthWatch(loop, self._policy, self) if ejects else None  # type: ignore[arg-type]
        if self._watch is not None:
            for each in self._group:
                self._watch.add(each)
                self._watch.connected(each)
        if paces:
            PaceWatch(loop, self._policy.slower, lambda: (self._group,)).start()  # type: ignore[arg-type]
        self._rebuild()
        wire = Wire(loop, scenario)
        self.start = stacked(
            Exit(),
            Deadline(Timers(loop), loop.time),  # type: ignore[arg-type]
            Retrying(wire, loop, rng),  # type: ignore[arg-type]
            Balance(self, rng, loop.time, _unknown, self._ask),
            wire,
        ).start

    # RouteTable and Peers

    def listen(self, changed: Callable[[], None]) -> None:
        """Have somebody told of every change of routes from now on."""
        self._listeners.append(changed)

    def groups(self, replica_id: str) -> Iterable[Sequence[Candidate]]:
        """Return the replicas that this one serves with: all."""
        return (self._group,)

    def health_changed(self, candidate: Candidate) -> None:
        """Build the routes anew."""
        self._rebuild()

    def _on_connection(self, candidate: Candidate, number: int, up: bool) -> None:
        """Lose a connection, or make a new one within the second that backoff takes."""
        if not up:
            candidate.connection = None
            if self._watch is not None:
                self._watch.lost(candidate)
            self._rebuild()
        else:
            self._loop.call_later(self._rng.random(), self._connect, candidate, number)

    def _connect(self, candidate: Candidate, number: int) -> None:
        candidate.connection = (number, self._servers[number])
        if self._watch is not None:
            self._watch.connected(candidate)
        self._rebuild()

    def _rebuild(self) -> None:
        self.routes = updated(
            self.routes, self._catalog, frozenset((TOOL,)), self._candidates, self._policies,
            self._policy.panic_ratio, self._place,
        )  # fmt: skip
        for listener in self._listeners:
            listener()

    # Probes

    def _ask(self, route: Route) -> None:
        for picker in asking(route.picker):
            for candidate in picker.to_ask(self._rng):
                self._loop.call_later(self._network, self._probe, picker.pool, candidate)

    def _probe(self, pool: Any, candidate: Candidate) -> None:
        if candidate.connection is None:
            return
        _, replica = candidate.connection  # type: ignore[misc]
        load = replica.load()
        if load is not None:
            self._loop.call_later(self._network, self._note, pool, candidate, *load)

    def _note(self, pool: Any, candidate: Candidate, in_flight: int, latency: float) -> None:
        pool.add(candidate, in_flight, latency, self._loop.now)


def _unknown(tool: str, version: str) -> MeshError:
    return ToolNotFound(f"no {tool} {version}")
