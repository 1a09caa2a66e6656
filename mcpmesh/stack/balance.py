"""Finds the tool and picks one of its replicas, for each attempt anew."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from mcpmesh.balance.balancer import Route, Routes
from mcpmesh.errors import MeshError, NoReplica
from mcpmesh.stack.absence import absence
from mcpmesh.stack.affinity import AffinityKeys
from mcpmesh.stack.attempt import Attempt
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer
from mcpmesh.stack.version_choice import VersionChoice


class RouteTable(Protocol):
    """The routes as they are now."""

    @property
    def routes(self) -> Routes:
        """The current routes; replaced as a whole."""
        ...

    def listen(self, changed: Callable[[], None]) -> None:
        """Have somebody told of every change from now on."""
        ...


class Balance(Layer[Attempt]):
    """Picks a replica for an attempt.

    `clock` is precise: an attempt is measured from its pick. `unknown` makes the error for a tool
    and version that there is no route for. `ask` asks replicas how loaded they are, beside a call.
    A replica that is being connected to is waited for when there is no other: a tool that just
    registered is there for its first caller.
    Fails the attempt with: that error; NoReplica, as soon as nobody is coming or, if the call wants
    to wait, never.
    """

    def __init__(
        self,
        table: RouteTable,
        rng: Random,
        clock: Callable[[], float],
        unknown: Callable[[str, str], MeshError],
        ask: Callable[[Route], None] = lambda _route: None,
    ) -> None:
        self._table = table
        self._rng = rng
        self._clock = clock
        self._unknown = unknown
        self._ask = ask
        self._keys = AffinityKeys()
        self._versions = VersionChoice(rng)
        self._waiting: dict[Attempt, None] = {}
        table.listen(self._try_waiting)

    def start(self, attempt: Attempt) -> None:
        call = attempt.call
        route = call.route or self._find(call)
        if route is not None:
            now = self._clock()
            key = "" if route.plain else self._keys.of(call, route.policy.balance.key)
            candidate = route.picker.pick(self._rng, now, call.tried, key)
            if candidate is not None:
                log = route.load.picks
                if not route.load.calls & log.mask or call.attempts > 1:
                    log.note(now, candidate, route.picker.candidates, call.attempts, call.failure)
                attempt.began = now
                attempt.candidate = call.candidate = candidate
                self.on(attempt)
                if not route.plain:
                    self._ask(route)
                return
        if call.head.wait_for_ready or (route is not None and route.coming):
            # Looked up anew when the routes change.
            call.route = None
            self._waiting[attempt] = None
            attempt.holder = self
        elif route is None:
            self.fail(attempt, self._unknown(call.tool, call.version))
        else:
            self.fail(attempt, NoReplica(absence(route)))

    def _find(self, call: Call) -> Route | None:
        """Look the call's route up anew."""
        routes = self._table.routes
        route = routes.find(call.tool, call.version)
        if route is not None and route.shared and not call.version:
            route = self._versions.of(call, routes.by_tool[call.tool])
        call.route = route
        return route

    def interrupted(self, attempt: Attempt, error: BaseException) -> None:
        """Give up an attempt that waits."""
        self._waiting.pop(attempt, None)
        self.fail(attempt, error)

    def _try_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for attempt in waiting:
            # One that goes on may end others, which then wait for nothing any more.
            if not attempt.call.over:
                attempt.holder = attempt.bottom
                self.start(attempt)
