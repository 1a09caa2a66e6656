"""Where calls of tools enter the router: from callers' streams to the stack."""

from collections.abc import Callable
from functools import partial

from mcpmesh.errors import MeshError
from mcpmesh.router.call_head import read_call_head
from mcpmesh.router.caller import proven
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
    ) -> None:
        self.max_message_bytes = max_message_bytes
        #: Told of calls that never reach the stack: (method, why).
        self.refused = refused
        self._start = stack.start
        self._table = table
        self._default_timeout = default_timeout
        #: Clients are asked for certificates.
        self._proves_callers = proves_callers

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
        own = route.cluster.tool.timeout if route is not None else None
        if asked is None:
            call.timeout = self._default_timeout if own is None else own
        else:
            call.timeout = asked if own is None or asked < own else own
        self._start(call)

    def _unary(self, head: RequestHead) -> Opener:
        return self._opener(read_call_head(head), streaming=False)

    def _streaming(self, head: RequestHead) -> Opener:
        return self._opener(read_call_head(head), streaming=True)

    def _opener(self, head: CallHead, *, streaming: bool) -> Opener:
        if self._proves_callers:
            of = proven(head)
            return lambda link, stream: ServedCall(self, of(link), streaming, link, stream)
        return partial(ServedCall, self, head, streaming)
