"""Puts together what calls of tools go through, for whoever has a table of routes."""

from collections.abc import Callable

from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.dispatch.layers import StackParts, layers, shadow_layers, sharing_layers
from mcpmesh.dispatch.mirror import Mirrors
from mcpmesh.errors import MeshError


def tool_dispatcher(
    parts: StackParts,
    *,
    default_timeout: float,
    capabilities: Capabilities,
    refused: Callable[[str, MeshError], None],
) -> Dispatcher:
    """Return where calls of tools begin.

    `refused` is told of calls that never reach the stack.
    Units: `default_timeout` in seconds, for calls that neither caller nor tool limits.
    """
    return Dispatcher(
        layers(parts),
        parts.table,
        default_timeout=default_timeout,
        max_message_bytes=parts.max_message_bytes,
        refused=refused,
        capabilities=capabilities,
        rng=parts.rng,
        sharing=sharing_layers(parts),
        mirrors=Mirrors(shadow_layers(parts), parts.rng),
    )
