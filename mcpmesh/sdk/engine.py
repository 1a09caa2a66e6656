"""The one place that picks the gRPC engine a tool server listens and registers with."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from mcpmesh.config import LimitSettings, RouterSettings, TlsSettings
from mcpmesh.dispatch.direct_channel import DirectChannel
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc import Channel, Server
from mcpmesh.rpc.limits import channel_options, server_options
from mcpmesh.rpc.standard import StandardServices
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.hub import Hub
from mcpmesh.transport.refusals import Refusals

#: A router that comes back is to be found within half a second.
_BACKOFF = Backoff(first=0.05, longest=0.3)


def new_server(limits: LimitSettings, refused: Callable[[str], None] | None = None) -> Any:
    """Return a gRPC server that is not listening yet; `refused` is told why peers were refused."""
    refusals = Refusals(refused) if refused is not None else Refusals()
    options = server_options(limits, of_routers=True)
    return Server(options, hub=Hub(asyncio.get_running_loop(), refusals=refusals))


def new_channel(
    target: str, tls: TlsSettings | None = None, limits: LimitSettings | None = None
) -> Any:
    """Return a channel to a router.

    Raises: InvalidCall for a malformed target; InvalidSetting for TLS files that cannot be used.
    """
    options = replace(channel_options(limits or LimitSettings()), backoff=_BACKOFF)
    return Channel(target, options, tls=tls)


def new_direct_channel(
    target: str,
    tls: TlsSettings | None = None,
    limits: LimitSettings | None = None,
    settings: RouterSettings | None = None,
    telemetry: Telemetry | None = None,
) -> Any:
    """Return a channel that calls replicas itself, and the rest through the router.

    With `telemetry` its spans and metrics are recorded.

    Raises: as new_channel does.
    """
    options = replace(channel_options(limits or LimitSettings()), backoff=_BACKOFF)
    return DirectChannel(target, options, tls=tls, settings=settings, telemetry=telemetry)


def add_standard_services(server: Any, services: Sequence[str]) -> StandardServices:
    """Add what every mcpmesh server has beside its own services: health and reflection."""
    return StandardServices(server, services)
