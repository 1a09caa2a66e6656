"""Where calls of tools enter the router: from callers' streams to the stack."""

from collections.abc import Callable

from mcpmesh.errors import MeshError
from mcpmesh.router.call_head import CallHead, read_call_head
from mcpmesh.router.served_call import ServedCall
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.server import Opener, Server
from mcpmesh.stack.balance import RouteTable
from mcpmesh.stack.call import Service

_SERVICE = "/mcpmesh.v1.ToolService/"


class Frontend:
    """Takes the streams of ToolService, unopened.

    Units: `default_timeout` in seconds, for calls that neither caller nor tool limits.
    """

    def __init__(
        self,
        service: Service,
        table: RouteTable,
        clock: Callable[[], float],
        *,
        max_message_bytes: int,
        default_timeout: float,
        refused: Callable[[str, MeshError], None],
    ) -> None:
        self.service = service
        self.max_message_bytes = max_message_bytes
        #: Told of calls that never reach the stack: (method, why).
        self.refused = refused
        self._table = table
        self._clock = clock
        self._default_timeout = default_timeout

    def serve_on(self, server: Server) -> None:
        """Take the streams of Invoke, InvokeStream and Converse."""
        server.add_raw_handler(_SERVICE + "Invoke", self._unary)
        server.add_raw_handler(_SERVICE + "InvokeStream", self._unary)
        server.add_raw_handler(_SERVICE + "Converse", self._streaming)

    def deadline_of(self, head: CallHead, tool: str, version: str) -> float:
        """Return when a call ends at the latest: the caller's, the tool's or our own limit.

        Units: seconds of the event loop's clock.
        """
        return self._clock() + self.timeout_of(head.head.timeout, tool, version)

    def timeout_of(self, asked: float | None, tool: str, version: str) -> float:
        """Return the seconds a call may take; a tool's own limit can only shorten the caller's."""
        route = self._table.routes.find(tool, version)
        own = route.cluster.tool.timeout if route is not None else None
        if asked is None:
            return self._default_timeout if own is None else own
        return asked if own is None else min(asked, own)

    def _unary(self, head: RequestHead) -> Opener:
        read = read_call_head(head)
        return lambda _link, stream: ServedCall(self, stream, read, streaming=False)

    def _streaming(self, head: RequestHead) -> Opener:
        read = read_call_head(head)
        return lambda _link, stream: ServedCall(self, stream, read, streaming=True)
