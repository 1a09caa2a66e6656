"""Has another tool stand in for one that cannot answer."""

from collections.abc import Callable, Mapping

from mcpmesh.balance.balancer import Route
from mcpmesh.errors import MeshError
from mcpmesh.policy.fallback import Fallback, may_stand_in
from mcpmesh.stack.balance import RouteTable
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer
from mcpmesh.stack.lost import Unsent
from mcpmesh.stack.retry import is_repeatable
from mcpmesh.stack.tries import StandIn, Tries

#: Writes a call anew for another tool and version, empty for any; False when that cannot be done.
Rename = Callable[[Call, str, str], bool]


class FallingBack(Layer[Call]):
    """Begins a failed call anew as one of the tool that its policy names, once.

    `named` are the fallbacks of tools that may not be there at all; `told` is told of each call
    that another tool takes over: (tool, why).
    """

    def __init__(
        self,
        table: RouteTable,
        rename: Rename,
        named: Mapping[str, Fallback] | None = None,
        told: Callable[[str, str], None] = lambda _tool, _why: None,
    ) -> None:
        self._table = table
        self._rename = rename
        self._named = named or {}
        self._told = told

    def failed(self, call: Call, error: BaseException) -> None:
        if not isinstance(error, MeshError):
            self.fail(call, error)
            return
        tries = call.tries
        if tries is not None and tries.stand_in is not None:
            self.fail(call, _both(error, tries.stand_in))
            return
        fallback = self._fallback(call)
        if fallback is None or not may_stand_in(
            error, unsent=isinstance(error, Unsent), repeatable=is_repeatable(call)
        ):
            self.fail(call, error)
            return
        tool = fallback.tool or call.tool
        route = self._table.routes.find(tool, fallback.version)
        if route is None or route is call.route or call.requests is not None:
            self.fail(call, error)
            return
        self._take_over(call, route, fallback.version, error)

    def _fallback(self, call: Call) -> Fallback | None:
        route = call.route
        if route is None:
            route = self._table.routes.find(call.tool, call.version)
        return self._named.get(call.tool) if route is None else route.policy.fallback

    def _take_over(self, call: Call, route: Route, version: str, error: MeshError) -> None:
        asked, tool = call.tool, route.cluster.tool
        # Of a version only if it was named: what we call the version of a tool that is listed by
        # its name, its replica need not know.
        if not self._rename(call, tool.name, version):
            self.fail(call, error)
            return
        self._told(asked, type(error).__name__)
        if call.span is not None:
            call.span.event("fallback", {"gen_ai.tool.name": tool.name, "reason": error.message})
        call.route = route
        call.tool, call.version = tool.name, tool.version
        call.candidate = call.current = None
        call.attempts = 0
        call.tried = ()
        call.failure = ""
        call.tries = Tries()
        call.tries.stand_in = StandIn(asked, tool.name, tool.version, error)
        self.on(call)


def _both(error: MeshError, stand_in: StandIn) -> MeshError:
    """Say that the fallback failed too, and what for it was tried."""
    more = type(error)(
        f"{error.message} ({stand_in.tool} stood in for {stand_in.asked}, which failed before: "
        f"{stand_in.error.message})",
        retry_after_ms=error.retry_after_ms or stand_in.error.retry_after_ms,
    )
    more.__cause__ = error
    return more
