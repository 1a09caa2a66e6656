"""Finds the tool and picks one of its replicas, for each attempt anew."""

from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Protocol

from mcpmesh.balance.balancer import Route, Routes
from mcpmesh.errors import MeshError, NoReplica
from mcpmesh.stack.call import Call, Layer, Service
from mcpmesh.stack.reply import Reply


class RouteTable(Protocol):
    """The routes as they are now."""

    @property
    def routes(self) -> Routes:
        """The current routes; replaced as a whole."""
        ...

    def changed(self) -> Awaitable[None]:
        """Wait for the next change; any number of calls may."""
        ...


def balance(table: RouteTable, rng: Random, unknown: Callable[[str, str], MeshError]) -> Layer:
    """Pick a replica for the call.

    `unknown` makes the error for a tool and version that there is no route for.
    A replica that is being connected to is waited for when there is no other: a tool that just
    registered is there for its first caller.
    Raises (in the call): that error; NoReplica, as soon as nobody is coming or, if the call wants
    to wait, never.
    """

    def layer(service: Service) -> Service:
        async def balanced(call: Call) -> Reply:
            while True:
                route = table.routes.find(call.tool, call.version)
                if route is not None:
                    candidate = route.picker.pick(rng, call.tried)
                    if candidate is not None:
                        call.cluster = route.cluster
                        call.candidate = candidate
                        return await service(call)
                if not call.wait_for_ready and not (route is not None and route.coming):
                    raise unknown(call.tool, call.version) if route is None else _no_replica(route)
                await table.changed()

        return balanced

    return layer


def _no_replica(route: Route) -> NoReplica:
    tool, replicas = route.cluster.tool, route.cluster.replicas
    names: Iterable[str] = map(str, replicas[:3])
    more = f" and {len(replicas) - 3} more" if len(replicas) > 3 else ""
    if len(replicas) == 1:
        who = "its only replica takes no calls now"
    else:
        who = f"none of its {len(replicas)} replicas takes calls now"
    return NoReplica(
        f"{tool.name}: {who} ({', '.join(names)}{more}); try again, or ask to wait for one"
    )
