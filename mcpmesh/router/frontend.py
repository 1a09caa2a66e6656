"""Where calls of tools enter the router: from callers' streams to the stack."""

from collections.abc import Callable
from functools import partial
from random import Random
from time import perf_counter

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.errors import MeshError
from mcpmesh.router.call_head import read_call_head
from mcpmesh.router.caller import proven
from mcpmesh.router.chosen_call import ChosenCall
from mcpmesh.router.served_call import ServedCall
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.server import Opener, Server
from mcpmesh.stack.balance import RouteTable
from mcpmesh.stack.call import Call
from mcpmesh.stack.call_head import CallHead
from mcpmesh.stack.layer import Top

_SERVICE = "/mcpmesh.v1.ToolService/"


class Frontend:
    """Takes the streams of ToolService, unopened.

    Units: `default_timeout` in seconds, for calls that neither caller nor tool limits.
    """

    def __init__(
        self,
        stack: Top[Call],
        table: RouteTable,
        *,
        max_message_bytes: int,
        default_timeout: float,
        refused: Callable[[str, MeshError], None],
        proves_callers: bool = False,
        capabilities: Capabilities | None = None,
        rng: Random | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        """Take streams; `clock` is that of `Call.began`."""
        self.max_message_bytes = max_message_bytes
        #: Told of calls that never reach the stack: (method, why).
        self.refused = refused
        self._start = stack.start
        self._table = table
        self._default_timeout = default_timeout
        #: Clients are asked for certificates.
        self._proves_callers = proves_callers
        self._capabilities = capabilities or Capabilities()
        self._rng = rng or Random()
        self._clock = clock

    def serve_on(self, server: Server) -> None:
        """Take the streams of Invoke, InvokeStream and Converse."""
        server.add_raw_handler(_SERVICE + "Invoke", self._unary)
        server.add_raw_handler(_SERVICE + "InvokeStream", self._unary)
        server.add_raw_handler(_SERVICE + "Converse", self._streaming)

    def begin(self, call: Call, asked: float | None) -> None:
        """Let a call run for as long as it may; a tool's own limit can only shorten the caller's.

        Units: `asked` in seconds, None when the caller sets no limit.
        """
        route = call.route = self._table.routes.find(call.tool, call.version)
        if route is None:
            # No tool, but a capability may be called so.
            chosen = self._chosen(call)
            if chosen is not call:
                if chosen is not None:
                    self.begin(chosen, asked)
                return
        own = route.cluster.tool.timeout if route is not None else None
        if asked is None:
            call.timeout = self._default_timeout if own is None else own
        else:
            call.timeout = asked if own is None or asked < own else own
        self._start(call)

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
            self.refused("/" + call.head.method, error)
            call.over = True
            call.failed(error)
            call.ended()
            return None

    def _unary(self, head: RequestHead) -> Opener:
        return self._opener(read_call_head(head), streaming=False)

    def _streaming(self, head: RequestHead) -> Opener:
        return self._opener(read_call_head(head), streaming=True)

    def _opener(self, head: CallHead, *, streaming: bool) -> Opener:
        if self._proves_callers:
            of = proven(head)
            return lambda link, stream: ServedCall(self, of(link), streaming, link, stream)
        return partial(ServedCall, self, head, streaming)
