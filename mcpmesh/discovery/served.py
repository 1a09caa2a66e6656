"""Which replicas serve which gRPC services beside the tools."""

from collections.abc import Collection, Mapping

from mcpmesh.discovery.registration import Registration
from mcpmesh.model.catalog import Cluster
from mcpmesh.model.tool import Tool


def served(
    services: Mapping[str, Cluster],
    touched: Collection[str],
    registrations: Collection[Registration],
) -> Mapping[str, Cluster]:
    """Return the services after registrations that name the touched ones came, changed or went."""
    fresh = dict(services)
    for name in touched:
        serving = sorted(
            (each for each in registrations if name in each.replica.services),
            key=lambda each: each.replica.id,
        )
        if serving:
            fresh[name] = Cluster(
                _as_tool(name),
                tuple(each.replica for each in serving),
                frozenset(each.replica.id for each in serving if each.draining),
            )
        else:
            fresh.pop(name, None)
    return fresh


def _as_tool(service: str) -> Tool:
    """Stand in for the tool of a cluster: nothing is known of a service but its name."""
    # The version is given, since the one derived of no schemas would say nothing.
    return Tool(service[-128:], version="1")
