"""The one place that picks the gRPC engine a tool server listens and registers with."""

from collections.abc import Sequence
from typing import Any

from mcpmesh.config import TlsSettings
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc import Channel, ChannelOptions, Server
from mcpmesh.rpc.standard import StandardServices

#: A router that comes back is to be found within half a second.
_RECONNECT = ChannelOptions(backoff=Backoff(first=0.05, longest=0.3))


def new_server() -> Any:
    """Return a gRPC server that is not listening yet."""
    return Server()


def new_channel(target: str, tls: TlsSettings | None = None) -> Any:
    """Return a channel to a router.

    Raises: InvalidCall for a malformed target; InvalidSetting for TLS files that cannot be used.
    """
    return Channel(target, _RECONNECT, tls=tls)


def add_standard_services(server: Any, services: Sequence[str]) -> StandardServices:
    """Add what every mcpmesh server has beside its own services: health and reflection."""
    return StandardServices(server, services)
