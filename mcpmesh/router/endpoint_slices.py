"""What EndpointSlices of Kubernetes say of a service's replicas.

Source: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcpmesh.config import StaticReplica
from mcpmesh.errors import InvalidCall
from mcpmesh.model.address import join_endpoint
from mcpmesh.model.kubernetes_service import KubernetesService
from mcpmesh.router.replica_source import Found

#: A slice, or a part of it, as the API server's JSON has it.
Json = Mapping[str, Any]
#: Of a service: the names of its tools, with commas between them.
TOOLS_ANNOTATION = "mcpmesh/tools"
_USUAL_PORT = "grpc"
_ZONE = "zone"


def found_in(
    slices: Iterable[Json],
    name: StaticReplica,
    service: KubernetesService,
    tools: Sequence[str] = (),
) -> list[Found]:
    """Return the replicas of a service; the tools of the annotation unless the name has some.

    Ready endpoints are replicas, those that end but still serve drain, the others are left out.
    Raises: InvalidCall when it is not clear which port is meant, or something is malformed.
    """
    found: dict[str, Found] = {}
    named = replace(
        name,
        tools=name.tools or tuple(tools),
        server_name=name.server_name or f"{service.service}.{service.namespace}.svc",
    )
    # A pod of two address families stands in two slices, one that moves between slices in both.
    for each in sorted(slices, key=lambda one: str(one.get("addressType", ""))):
        endpoints = each.get("endpoints") or ()
        port = port_of(each.get("ports") or (), service) if endpoints else 0
        for endpoint in endpoints:
            seen = _found(endpoint, port, named, service)
            if seen is None:
                continue
            known = found.get(seen.replica.id)
            if known is None or (known.draining and not seen.draining):
                found[seen.replica.id] = seen
    return list(found.values())


def port_of(ports: Sequence[Json], service: KubernetesService) -> int:
    """Return the number of the port that is meant.

    Raises: InvalidCall when none or several could be.
    """
    tcp = [each for each in ports if each.get("protocol", "TCP") == "TCP" and each.get("port")]
    names = ", ".join(f"{each.get('name') or each['port']}" for each in tcp)
    if service.port:
        fitting = [each for each in tcp if service.port in (each.get("name"), str(each["port"]))]
        if fitting:
            return int(fitting[0]["port"])
        if service.port.isdigit() and not tcp:
            return int(service.port)
        raise InvalidCall(f"it has no port {service.port}; it has {names or 'none'}")
    usual = [each for each in tcp if each.get("name") == _USUAL_PORT]
    if len(usual or tcp) == 1:
        return int((usual or tcp)[0]["port"])
    raise InvalidCall(f"it has the ports {names or '(none)'}; write {service}:PORT")


def _found(
    endpoint: Json, port: int, name: StaticReplica, service: KubernetesService
) -> Found | None:
    conditions = endpoint.get("conditions") or {}
    # Nothing said of ready means that it is; serving is as ready unless said.
    ready = conditions.get("ready") is not False
    serving = ready if conditions.get("serving") is None else conditions["serving"]
    draining = bool(conditions.get("terminating"))
    addresses = endpoint.get("addresses") or ()
    if not addresses or not (serving if draining else ready):
        return None
    zone = _zone(endpoint)
    at = replace(
        name,
        endpoint=join_endpoint(addresses[0], port),
        labels={**({_ZONE: zone} if zone else {}), **name.labels},
    )
    found = Found.configured(at)
    target = endpoint.get("targetRef") or {}
    if target.get("kind") == "Pod" and target.get("name"):
        replica_id = f"{service.namespace}-{target['name']}-{port}"
        try:
            found = replace(found, replica=replace(found.replica, id=replica_id))
        except InvalidCall:
            pass  # too long a name; the address will do
    return replace(found, draining=draining)


def _zone(endpoint: Json) -> str:
    """Return the zone whose callers an endpoint is for: that of its hints, else its own."""
    own = str(endpoint.get("zone") or "")
    hints = (endpoint.get("hints") or {}).get("forZones") or ()
    zones = [str(each["name"]) for each in hints if each.get("name")]
    return own if own in zones or not zones else zones[0]


def annotated_tools(service: Json) -> tuple[str, ...]:
    """Return the tools that a Service's annotation names."""
    text = ((service.get("metadata") or {}).get("annotations") or {}).get(TOOLS_ANNOTATION, "")
    return tuple(name.strip() for name in str(text).split(",") if name.strip())
