"""Routes calls of any gRPC service by their path, unopened, to the replicas that name it.

ToolService is routed by tool and has its own way. This is for what else replicas serve: their
native callers find them behind the router's one address, balanced and observed like tools.
"""

from collections.abc import Callable
from dataclasses import replace

from mcpmesh.balance.balancer import Routes
from mcpmesh.dispatch.call_head import read_call_head
from mcpmesh.dispatch.pool import Pool
from mcpmesh.errors import MeshError, MethodNotFound
from mcpmesh.router.caller import proven
from mcpmesh.router.service_call import ServiceCall
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.server import Opener
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Top

#: Methods that are told apart in metrics and spans; a caller may make up any number of names.
_NAMED = 1000
_OTHER = "_OTHER"


class ServiceTable:
    """The routes of services that are no tools, by their full names; a RouteTable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    def routes(self) -> Routes:
        """The current routes."""
        return self._pool.service_routes

    def listen(self, changed: Callable[[], None]) -> None:
        """Have somebody told of every change of routes from now on."""
        self._pool.listen(changed)

    def unknown(self, service: str, _version: str) -> MeshError:
        """Return the error for a service that nobody names any more."""
        return MethodNotFound(f"{service} is not served here")


class ServiceRoutes:
    """Takes the streams of services that replicas name."""

    def __init__(
        self, stack: Top[Call], table: ServiceTable, *, proves_callers: bool = False
    ) -> None:
        self._start_stack = stack.start
        self._table = table
        self._proves_callers = proves_callers
        self._named: set[str] = set()

    def take(self, head: RequestHead) -> Opener | None:
        """Return who opens streams with this head; None when no replica names the service."""
        service = head.path[1:].rpartition("/")[0]
        if service not in self._table.routes.by_tool:
            return None
        method = self._name(head.path[1:], service)
        # The gRPC service stands where a tool does.
        read = replace(read_call_head(head), method=method, tool=service, version="")
        if self._proves_callers:
            of = proven(read)
            return lambda link, stream: ServiceCall(self._start, stream, of(link))
        return lambda _link, stream: ServiceCall(self._start, stream, read)

    def _start(self, call: Call) -> None:
        call.route = self._table.routes.find(call.tool)
        self._start_stack(call)

    def _name(self, method: str, service: str) -> str:
        if method not in self._named:
            if len(self._named) >= _NAMED:
                return f"{service}/{_OTHER}"
            self._named.add(method)
        return method
