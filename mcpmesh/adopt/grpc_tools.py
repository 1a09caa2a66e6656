"""The chosen methods of a gRPC service as tools of a replica."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mcpmesh.adopt.grpc_handler import GrpcCalls
from mcpmesh.adopt.method_choice import chosen
from mcpmesh.adopt.naming import Naming
from mcpmesh.adopt.proto_method import ProtoMethod, schema_json
from mcpmesh.adopt.text import cut
from mcpmesh.errors import InvalidCall
from mcpmesh.model.tool import MAX_DESCRIPTION_BYTES, MAX_SCHEMA_BYTES, Tool
from mcpmesh.sdk.offered import offered
from mcpmesh.sdk.tool import ToolFunction

_LOG = logging.getLogger("mcpmesh.adopt")
#: Services that serve the machinery; only a pattern that begins as they do takes them.
_MACHINERY = "grpc."


def wanted_service(only: Sequence[str], service: str) -> bool:
    """Tell whether some of a service's methods may be wanted, before they are known."""
    if service.startswith(_MACHINERY):
        return any(pattern.startswith(_MACHINERY) for pattern in only)
    return True


def chosen_methods(methods: Iterable[ProtoMethod], only: Sequence[str]) -> list[ProtoMethod]:
    """Return the methods that patterns such as shop.v1.Orders/Get* name; all without patterns.

    A pattern without a slash names whole services.
    Raises: UpstreamFailed for a pattern that fits nothing.
    """
    patterns = [pattern if "/" in pattern else f"{pattern}/*" for pattern in only]
    offered = (each for each in methods if wanted_service(only, each.service))
    return chosen(offered, patterns, lambda each: (each.path[1:],), "methods")


def tools_of(
    methods: Sequence[ProtoMethod],
    calls: GrpcCalls,
    naming: Naming,
    upstream: str,
    said: Mapping[str, Any],
) -> Iterator[ToolFunction]:
    """Yield a tool for each method; what cannot be one is left out with a warning.

    `said` are attributes that all tools have.
    """
    names = tool_names(methods)
    for method in methods:
        try:
            tool = _tool(method, naming.name(names[method.path]), said)
        except (InvalidCall, RecursionError) as error:
            _LOG.warning("%s: %s is left out: %s", upstream, method.path[1:], error)
            continue
        yield offered(tool, calls.handler(method))


def tool_names(methods: Iterable[ProtoMethod]) -> dict[str, str]:
    """Return the tool's name for each path: Orders_Get, and shop_v1_Orders_Get for two Orders."""
    services = {method.service for method in methods}
    short = Counter(service.rpartition(".")[2] for service in services)
    names = {}
    for method in methods:
        last = method.service.rpartition(".")[2]
        service = last if short[last] == 1 else method.service.replace(".", "_")
        names[method.path] = f"{service}_{method.descriptor.name}"
    return names


def _tool(method: ProtoMethod, name: str, said: Mapping[str, Any]) -> Tool:
    """Describe a method; what is too large for the catalog goes without its comments.

    Raises: InvalidCall when its arguments are too large even so.
    """
    taken = schema_json(method.input_schema())
    if len(taken) > MAX_SCHEMA_BYTES:
        taken = schema_json(method.input_schema(described=False))
    given = schema_json(method.output_schema())
    if len(given) > MAX_SCHEMA_BYTES:
        given = schema_json(method.output_schema(described=False))
    return Tool(
        name=name,
        title=method.path[1:],
        description=cut(method.description, MAX_DESCRIPTION_BYTES),
        input_schema=taken,
        # Callers can do without it.
        output_schema=given if len(given) <= MAX_SCHEMA_BYTES else b"",
        annotations=method.annotations,
        **said,
    )
