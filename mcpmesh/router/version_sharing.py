"""Says how the versions of a tool share its calls, for people."""

from collections.abc import Sequence

from mcpmesh.balance.balancer import Route
from mcpmesh.policy.split import Mirror, Split


def sharing(routes: Sequence[Route]) -> str:
    """Say which versions get calls that name none, and which gets copies; empty for just one.

    Shape: what follows a sentence, with the space before it.
    """
    if not routes:
        return ""
    policy, serving = routes[0].policy, {_version(each) for each in routes if _serves(each)}
    said = [*_parts(policy.split), *_copies(policy.mirror)]
    if not said:
        return ""
    away = sorted(_named(policy.split, policy.mirror) - serving)
    absent = f" No replica serves {' and '.join(away)} now." if away else ""
    return f" Of calls that name no version, {'; '.join(said)}.{absent}"


def main_route(routes: Sequence[Route]) -> Route | None:
    """Return the route of the version that gets what no share, field or copy sends elsewhere."""
    if not routes:
        return None
    policy = routes[0].policy
    apart = _named(policy.split, policy.mirror)
    return next(
        (each for each in routes if _serves(each) and _version(each) not in apart), routes[0]
    )


def _named(split: Split | None, mirror: Mirror | None) -> set[str]:
    named = {*split.shares, *split.metadata.values()} if split is not None else set()
    return named | {mirror.version} if mirror is not None else named


def _parts(split: Split | None) -> list[str]:
    if split is None:
        return []
    return [
        *(f"{share * 100:.3g} % go to {version}" for version, share in split.shares.items()),
        *(f"those with {field} go to {version}" for field, version in split.metadata.items()),
    ]


def _copies(mirror: Mirror | None) -> list[str]:
    return [f"copies of {mirror.share * 100:.3g} % go to {mirror.version}"] if mirror else []


def _serves(route: Route) -> bool:
    return bool(route.picker.candidates)


def _version(route: Route) -> str:
    return route.cluster.tool.version
