"""Builds pickers from the catalog and from which replicas are ready (the control path)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcpmesh.balance.available import Availability, Available
from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.picker import Picker
from mcpmesh.balance.pickers import picker_of
from mcpmesh.balance.place import NOWHERE, Place
from mcpmesh.balance.recovering import RecoveringPicker
from mcpmesh.balance.tool_load import ToolLoad
from mcpmesh.model.catalog import Catalog, Cluster
from mcpmesh.policy.tool_policy import DEFAULT, ToolPolicies, ToolPolicy

NO_TABLES = ToolPolicies()


@dataclass(frozen=True, slots=True)
class Route:
    """A version of a tool and who may serve it now.

    `coming`: some replica of it will be ready, or known to be away, in a moment. `load` is the
    same object in all routes of a tool, one after the other. `panic`: so few are healthy that all
    who are connected are picked.
    """

    cluster: Cluster
    picker: Picker
    coming: bool = False
    policy: ToolPolicy = DEFAULT
    load: ToolLoad = field(default_factory=ToolLoad)
    panic: bool = False
    #: Picking is all there is to do: no key to read, nobody to ask.
    plain: bool = True
    #: Plain, and one attempt after the other: what is done for each of its calls may be one step.
    short: bool = False
    #: The tool's versions share its calls, or one gets copies of them.
    shared: bool = False
    #: There is more to do with its calls than to begin them: they are shared, or may share.
    special: bool = False


@dataclass(frozen=True, slots=True)
class Routes:
    """Everything that the data path reads; replaced as a whole.

    Shape: name → routes, newest version first, but those without a ready replica last, and
    of these the ones that nobody is coming to: a call that names no version goes to the newest
    that can serve it.
    """

    by_tool: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)

    def find(self, tool: str, version: str = "") -> Route | None:
        """Return the route of a tool's version, the newest ready one for an empty version."""
        routes = self.by_tool.get(tool)
        if not routes:
            return None
        if not version:
            return routes[0]
        return next((each for each in routes if each.cluster.tool.version == version), None)


def updated(
    routes: Routes,
    catalog: Catalog,
    changed: frozenset[str],
    candidates: Mapping[str, Candidate],
    policies: ToolPolicies = NO_TABLES,
    panic_ratio: float = 0.5,
    place: Place = NOWHERE,
) -> Routes:
    """Return the routes after tools changed, or a replica of theirs came, went or changed health.

    Units: `panic_ratio` as in HealthPolicy.
    """
    by_tool = dict(routes.by_tool)
    seen = Availability(candidates, panic_ratio)
    for name in changed:
        clusters = catalog.clusters.get(name, ())
        if clusters:
            load = _load(routes, name)
            found = []
            for cluster in clusters:
                before = routes.find(name, cluster.tool.version)
                found.append(_route(cluster, seen.of(cluster), policies, load, place, before))
            load.follow(found[0].policy.admission)
            by_tool[name] = tuple(sorted(found, key=_how_far)) if len(found) > 1 else tuple(found)
        else:
            by_tool.pop(name, None)
    return Routes(by_tool)


def service_routes(
    routes: Routes,
    catalog: Catalog,
    candidates: Mapping[str, Candidate],
    panic_ratio: float = 0.5,
) -> Routes:
    """Return the routes of services that are no tools, by their full names, after a change."""
    seen = Availability(candidates, panic_ratio)
    by_service = {}
    for name, cluster in catalog.services.items():
        load, before = _load(routes, name), routes.find(name)
        by_service[name] = (_route(cluster, seen.of(cluster), NO_TABLES, load, NOWHERE, before),)
    return Routes(by_service)


def _load(routes: Routes, name: str) -> ToolLoad:
    known = routes.by_tool.get(name)
    return known[0].load if known else ToolLoad()


def _route(
    cluster: Cluster,
    who: Available,
    policies: ToolPolicies,
    load: ToolLoad,
    place: Place,
    before: Route | None,
) -> Route:
    tool = cluster.tool
    policy = before.policy if before and before.cluster.tool == tool else policies.of(tool)
    last = _policys_own(before.picker) if before else None
    picker = picker_of(policy.balance, who.fit, tool=tool.name, place=place, before=last)
    if who.on_trial or who.slow:
        picker = RecoveringPicker(picker, who.on_trial)
    plain = policy.balance.policy not in ("prequal", "hash")
    short = plain and policy.hedge is None and bool(who.fit)
    shared = policy.split is not None or policy.mirror is not None
    special = shared or policy.cache is not None
    return Route(
        cluster, picker, who.coming, policy, load, who.panic, plain, short, shared, special
    )


def _policys_own(picker: Picker) -> Picker:
    return picker.picker if isinstance(picker, RecoveringPicker) else picker


def _how_far(route: Route) -> int:
    """Rank a route by how soon it can be used."""
    return 0 if route.picker.candidates else 1 if route.coming else 2
