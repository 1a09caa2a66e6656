"""A clock that tests move, and the small parts around a layer."""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from mcpmesh.balance.balancer import Routes, updated
from mcpmesh.balance.candidate import Candidate
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool, ToolAnnotations
from mcpmesh.stack.call import Call, Service
from mcpmesh.stack.promise import Promise
from mcpmesh.stack.reply import Reply
from mcpmesh.stack.run import Run


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

    def __init__(self) -> None:
        self.routes = Routes()
        self._waiting: list[Promise[None]] = []

    def changed(self) -> Promise[None]:
        self._waiting.append(Promise())
        return self._waiting[-1]

    def show(self, *clusters: Cluster, **candidates: Candidate) -> None:
        """Replace the routes, and wake who waits."""
        by_name: dict[str, tuple[Cluster, ...]] = {}
        for cluster in clusters:
            by_name[cluster.tool.name] = (*by_name.get(cluster.tool.name, ()), cluster)
        changed = frozenset(by_name) | frozenset(self.routes.by_tool)
        self.routes = updated(self.routes, Catalog(1, by_name), changed, candidates)
        waiting, self._waiting = self._waiting, []
        for promise in waiting:
            promise.set_result(None)


class Outcome:
    """What became of a call that runs."""

    def __init__(self, service: Service, call: Call) -> None:
        self.reply: Reply | None = None
        self.error: BaseException | None = None
        self.run: Run[Reply] = Run(service(call), self._answered, self._failed)
        self.run.resume()

    @property
    def ended(self) -> bool:
        return self.reply is not None or self.error is not None

    def _answered(self, reply: Reply) -> None:
        self.reply = reply

    def _failed(self, error: BaseException) -> None:
        self.error = error


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
    tool: str, *replicas: str, version: str = "1", idempotent: bool | None = None
) -> Cluster:
    made = Tool(tool, version=version, annotations=ToolAnnotations(idempotent=idempotent))
    return Cluster(made, tuple(replica(name) for name in replicas))


def call_of(tool: str = "echo", deadline: float = 110.0, **fields: Any) -> Call:
    call = Call("/mcpmesh.v1.ToolService/Invoke", tool, "", b"", (), deadline, lambda _error: None)
    for name, value in fields.items():
        setattr(call, name, value)
    return call


def reply_of(name: str = "a") -> Reply:
    return Reply(name, commits_at_head=False)
