"""Says that none of a tool's replicas takes calls."""

from collections.abc import Iterable

from mcpmesh.balance.balancer import Route


def absence(route: Route) -> str:
    """Return the sentence that a call is told."""
    tool, replicas = route.cluster.tool, route.cluster.replicas
    names: Iterable[str] = map(str, replicas[:3])
    more = f" and {len(replicas) - 3} more" if len(replicas) > 3 else ""
    if len(replicas) == 1:
        who = "its only replica takes no calls now"
    else:
        who = f"none of its {len(replicas)} replicas takes calls now"
    return f"{tool.name}: {who} ({', '.join(names)}{more}); try again, or ask to wait for one"
