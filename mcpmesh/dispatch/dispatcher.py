"""Where calls enter the stack: each gets its route and the time that it may take."""

from collections.abc import Callable
from random import Random
from time import perf_counter

from mcpmesh.balance.balancer import Route
from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.dispatch.chosen_call import ChosenCall
from mcpmesh.dispatch.mirror import Mirrors
from mcpmesh.errors import MeshError
from mcpmesh.stack.balance import RouteTable
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Top
from mcpmesh.stack.sharing import may_share
from mcpmesh.stack.version_choice import VersionChoice


class Dispatcher:
    """Lets calls begin; those of a capability as calls of the tool that does best.

    Units: `default_timeout` in seconds, for calls that neither caller nor tool limits.
    """

    def __init__(
        self,
        stack: Top[Call],
        table: RouteTable,
        *,
        default_timeout: float,
        max_message_bytes: int,
        refused: Callable[[str, MeshError], None],
        capabilities: Capabilities | None = None,
        rng: Random | None = None,
        clock: Callable[[], float] = perf_counter,
        sharing: Top[Call] | None = None,
        mirrors: Mirrors | None = None,
    ) -> None:
        """Take calls; `clock` is that of `Call.began`.

        With `sharing`, calls that may have the answer to another begin there; `mirrors` copies
        those of tools that are mirrored.
        """
        self.max_message_bytes = max_message_bytes
        self.default_timeout = default_timeout
        #: What most calls begin in.
        self.stack = stack
        #: Told of calls that never reach the stack: (method, why).
        self.refused = refused
        self._start = stack.start
        self._start_sharing = stack.start if sharing is None else sharing.start
        self._table = table
        self._capabilities = capabilities or Capabilities()
        self._rng = rng or Random()
        self._versions = VersionChoice(self._rng)
        self._mirrors = mirrors
        self._clock = clock

    def begin(self, call: Call, asked: float | None) -> None:
        """Let a call run for as long as it may; a tool's own limit can only shorten the caller's.

        Units: `asked` in seconds, None when the caller sets no limit.
        """
        route = call.route = call.route or self._table.routes.find(call.tool, call.version)
        if route is None or route.special:
            self._begin_special(call, route, asked)
            return
        own = route.cluster.tool.timeout
        if asked is None:
            call.timeout = self.default_timeout if own is None else own
        else:
            call.timeout = asked if own is None or asked < own else own
        self._start(call)

    def _begin_special(self, call: Call, route: Route | None, asked: float | None) -> None:
        """Let a call begin for which there is more to decide, or no tool."""
        own = None
        if route is not None:
            if route.shared and not call.version:
                by_tool = self._table.routes.by_tool
                route = call.route = self._versions.of(call, by_tool[call.tool])
            own = route.cluster.tool.timeout
        else:
            # No tool, but a capability may be called so.
            chosen = self._chosen(call)
            if chosen is not call:
                if chosen is not None:
                    self.begin(chosen, asked)
                return
        if asked is None:
            call.timeout = self.default_timeout if own is None else own
        else:
            call.timeout = asked if own is None or asked < own else own
        if route is not None and route.policy.cache is not None and may_share(call, route):
            self._start_sharing(call)
        else:
            self._start(call)
        if route is not None and route.shared and self._mirrors is not None and not call.over:
            self._mirrors.copy(call, route)

    def _chosen(self, call: Call) -> Call | None:
        """Return a call of a capability as one of a tool, best of one that takes calls now.

        Returns: the call itself for what is no capability, None for a call that was refused.
        """
        provided = self._capabilities.find(call.tool)
        if provided is None:
            return call
        find = self._table.routes.find
        routes = {tool: find(tool, call.version) for tool in provided.tools}
        known = [tool for tool, route in routes.items() if route is not None]
        ready = [tool for tool in known if (it := routes[tool]) and it.picker.candidates]
        if not known:
            return call
        tool = provided.chooser.choose(ready or known, self._rng, self._clock())
        try:
            return ChosenCall(call, tool, provided.chooser, self._clock, self.max_message_bytes)
        except MeshError as error:
            provided.chooser.ended(tool, 0.0, None, self._clock())
            self.refused("/" + call.head.method, error)
            call.over = True
            call.failed(error)
            call.ended()
            return None
