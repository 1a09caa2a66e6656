"""The one place that picks the gRPC engine a tool server listens and registers with."""

from collections.abc import Sequence
from typing import Any

import grpc

from mcpmesh.rpc import Server

#: A router that comes back is to be found within seconds, not after grpcio's two minutes.
_RECONNECT = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


def new_server() -> Any:
    """Return a gRPC server that is not listening yet."""
    return Server()


def new_channel(endpoint: str) -> Any:
    """Return a channel to a router."""
    return grpc.aio.insecure_channel(endpoint, options=_RECONNECT)


def add_standard_services(server: Any, services: Sequence[str]) -> None:
    """Add what every mcpmesh server has beside its own services: health and reflection."""
