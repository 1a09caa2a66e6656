"""A clock that tests move, and the small parts around a layer."""

import heapq
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.policy.tool_policy import ToolPolicies
from mcpmesh.stack.call import Call
from mcpmesh.stack.call_head import CallHead
from mcpmesh.stack.layer import Layer, stacked
from mcpmesh.wire.hpack_table import Headers


class VirtualLoop:
    """What timers need of an event loop; `advance` moves its time."""

    def __init__(self) -> None:
        self.now = 100.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> "Timer":
        timer = Timer(lambda: callback(*args))
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> "Timer":
        return self.call_at(self.now + delay, callback, *args)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.now, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.callback()
        self.now = end


class Timer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Table:
    """Routes that a test sets; a RouteTable."""

    def __init__(self, policy: Mapping[str, Any] | None = None) -> None:
        """Begin without routes; `policy` is the table of settings of all tools."""
        self.routes = Routes()
        self._policies = ToolPolicies({"*": policy or {}})
        self._listeners: list[Callable[[], None]] = []

    def listen(self, changed: Callable[[], None]) -> None:
        self._listeners.append(changed)

    def show(self, *clusters: Cluster, **candidates: Candidate) -> None:
        """Replace the routes, and wake who waits."""
        by_name: dict[str, tuple[Cluster, ...]] = {}
        for cluster in clusters:
            by_name[cluster.tool.name] = (*by_name.get(cluster.tool.name, ()), cluster)
        changed = frozenset(by_name) | frozenset(self.routes.by_tool)
        self.routes = updated(self.routes, Catalog(1, by_name), changed, candidates, self._policies)
        for listener in self._listeners:
            listener()


def replica(name: str, weight: int = 1) -> Replica:
    return Replica(name, f"10.0.0.1:{50000 + sum(name.encode())}", weight=weight)


def ready(name: str, weight: int = 1) -> Candidate:
    candidate = Candidate(replica(name, weight))
    candidate.connection = object()
    return candidate


def away(name: str) -> Candidate:
    return Candidate(replica(name))


def coming(name: str) -> Candidate:
    candidate = away(name)
    candidate.coming = True
    return candidate


def cluster(
    tool: str,
    *replicas: str,
    version: str = "1",
    idempotent: bool | None = None,
    read_only: bool | None = None,
) -> Cluster:
    hints = ToolAnnotations(idempotent=idempotent, read_only=read_only)
    made = Tool(tool, version=version, annotations=hints)
    return Cluster(made, tuple(replica(name) for name in replicas))


class Asked(Call):
    """A call whose outcome is noted."""

    def __init__(self, head: CallHead) -> None:
        super().__init__(head)
        self.said: list[tuple[Headers, bytes, bool]] = []
        self.error: BaseException | None = None
        self.broke: BaseException | None = None
        self.ends = 0
        self.taken: Callable[[int], None] | None = None

    @property
    def caller(self) -> "Asked":
        return self

    def failed(self, error: BaseException) -> None:
        self.error = error

    def broken(self, error: BaseException) -> None:
        self.broke = error

    def ended(self) -> None:
        self.ends += 1


class Below(Layer[Any]):
    """Stands for all layers below the one under test: notes what begins; a test says the rest."""

    def __init__(self) -> None:
        self.begun: list[Any] = []

    def start(self, it: Any) -> None:
        self.begun.append(it)

    def interrupted(self, it: Any, error: BaseException) -> None:
        self.fail(it, error)


def above(layer: Layer[Any], below: Below) -> None:
    """Put an attempt's layer between the exit and what is below, with nothing that tries again."""
    stacked(PerAttempt(), layer, below)


class PerAttempt(Layer[Any]):
    """Tells the call of its only attempt's end."""

    def failed(self, it: Any, error: BaseException) -> None:
        it.call.over = True
        it.call.failed(error)


def call_of(tool: str = "echo", **fields: Any) -> Asked:
    head = CallHead(
        "mcpmesh.v1.ToolService/Invoke", tool=tool,
        wait_for_ready=bool(fields.pop("wait_for_ready", False)),
    )  # fmt: skip
    call = Asked(head)
    call.timeout = 10.0
    for name, value in fields.items():
        setattr(call, name, value)
    return call
