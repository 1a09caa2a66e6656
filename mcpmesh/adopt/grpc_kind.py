"""kind = "grpc" in a table of what to adopt."""

from collections.abc import Mapping, Sequence
from typing import Any

from mcpmesh.adopt.grpc_upstream import GrpcService, GrpcUpstream
from mcpmesh.adopt.naming import Naming
from mcpmesh.config import GrpcServiceSettings


def grpc_services(
    name: str, table: Mapping[str, Any], _environ: Mapping[str, str]
) -> Sequence[GrpcUpstream]:
    """Return the servers of a gRPC service. Raises: InvalidSetting."""
    settings = GrpcServiceSettings.read(table, name)
    return [
        GrpcUpstream(
            GrpcService(
                name,
                address,
                only=settings.only,
                descriptor_set=settings.descriptor_set,
                metadata=settings.metadata,
                forward=settings.forward,
                native=settings.native,
                tls=tls,
                labels=settings.labels,
                call_timeout=settings.call_timeout,
            ),
            Naming(settings.namespace),
        )
        for address, tls in settings.targets
    ]
