"""Puts together what calls of tools go through, for whoever has a table of routes."""

import asyncio
from collections.abc import Callable
from random import Random

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.config import RouterSettings
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.dispatch.layers import layers, shadow_layers, sharing_layers
from mcpmesh.dispatch.mirror import Mirrors
from mcpmesh.dispatch.observe import InFlight
from mcpmesh.errors import MeshError
from mcpmesh.policy.access import Access
from mcpmesh.stack.authorizing import authorizing, named_tool
from mcpmesh.stack.balance import RouteTable
from mcpmesh.telemetry.setup import Telemetry


def tool_dispatcher(
    settings: RouterSettings,
    telemetry: Telemetry,
    table: RouteTable,
    unknown: Callable[[str, str], MeshError],
    in_flight: InFlight,
    loop: asyncio.AbstractEventLoop,
    rng: Random,
    *,
    capabilities: Capabilities,
    max_message_bytes: int,
    refused: Callable[[str, MeshError], None],
    access: Access = Access(),  # noqa: B008 - frozen
) -> Dispatcher:
    """Return where calls of tools begin.

    `unknown` makes the error for a tool that there is no route for; `refused` is told of calls that
    never reach the stack; `access` says who may call what.
    """
    facts = settings.call_log, telemetry, table, unknown, in_flight, loop, rng
    fallbacks = settings.tool_policies().fallbacks
    return Dispatcher(
        layers(
            *facts,
            fallbacks=fallbacks, max_message_bytes=max_message_bytes,
            authorizing=authorizing(access, named_tool),
        ),
        table,
        default_timeout=settings.default_timeout,
        max_message_bytes=max_message_bytes,
        refused=refused,
        capabilities=capabilities,
        rng=rng,
        sharing=sharing_layers(
            *facts,
            fallbacks=fallbacks, max_message_bytes=max_message_bytes,
            authorizing=authorizing(access, named_tool),
        ),
        mirrors=Mirrors(shadow_layers(telemetry, table, unknown, loop, rng), rng),
    )  # fmt: skip
