"""Serves DiscoveryService for the whole mesh, from the catalog of this process."""

from collections.abc import AsyncIterator, Callable
from time import perf_counter

from grpc.aio import ServicerContext

from mcpmesh.balance.balancer import Routes
from mcpmesh.balance.capabilities import Capabilities
from mcpmesh.discovery.lookup import find_tool
from mcpmesh.discovery.meaning import Meaning
from mcpmesh.discovery.page import page_of
from mcpmesh.discovery.watch import wanted
from mcpmesh.dispatch.catalog_source import CatalogSource
from mcpmesh.dispatch.replica_view import ReplicaView, StatusWriter
from mcpmesh.errors import InvalidCall, NotReady, Overloaded
from mcpmesh.model.catalog import Catalog
from mcpmesh.router.choices import Choices, hit_message
from mcpmesh.router.explain import explain
from mcpmesh.router.refusal import Refusing
from mcpmesh.router.searching import Searching
from mcpmesh.router.shared_feedback import SharedFeedback
from mcpmesh.router.tool_events import resync_event, snapshot_events, step_events
from mcpmesh.router.version_sharing import main_route
from mcpmesh.v1 import discovery_pb2, discovery_pb2_grpc


class DiscoveryServicer(discovery_pb2_grpc.DiscoveryServiceServicer):
    """DiscoveryService: lists, finds and watches tools, and shows their replicas."""

    def __init__(
        self,
        source: CatalogSource,
        view: ReplicaView,
        routes: Callable[[], Routes] = Routes,
        capabilities: Capabilities | None = None,
        clock: Callable[[], float] = perf_counter,
        meaning: Meaning | None = None,
    ) -> None:
        """Serve; `routes` are those of the data path, and `clock` is that of its picks.

        `shared` is set where other workers are to hear of feedback.
        """
        self.shared: SharedFeedback | None = None
        self._source = source
        self._view = view
        self._routes = routes
        self._clock = clock
        self.choices = Choices(capabilities or Capabilities(), routes, clock)
        self._searching = Searching(source, self.choices.worths, meaning)
        self._sorted: tuple[Catalog | None, list[str]] = (None, [])

    def close(self) -> None:
        """Let go of what searches."""
        self._searching.close()

    async def ListTools(
        self, request: discovery_pb2.ListToolsRequest, context: ServicerContext
    ) -> discovery_pb2.ListToolsResponse:
        """Give a page of tools in the order of their names."""
        async with Refusing(context, "ListTools"):
            catalog, writer = self._source.catalog, StatusWriter(self._view)
            page = page_of(
                catalog,
                self._names(catalog),
                size=request.page_size,
                token=request.page_token,
                labels=wanted(request.labels, request.kind),
                all_versions=request.all_versions,
            )
            return discovery_pb2.ListToolsResponse(
                tools=[writer.tool_status(cluster) for cluster in page.clusters],
                next_page_token=page.next_token,
                cursor=self._source.cursor,
            )

    async def GetTool(
        self, request: discovery_pb2.GetToolRequest, context: ServicerContext
    ) -> discovery_pb2.ToolStatus:
        """Give one tool; for the name of a capability, the best tool that provides it."""
        async with Refusing(context, "GetTool"):
            if not request.name:
                raise InvalidCall("name is missing; ListTools has them")
            catalog, name = self._source.catalog, request.name
            if name not in catalog.clusters:
                name = self.choices.tool_of(name)
            cluster = find_tool(catalog, name, request.version)
            return StatusWriter(self._view).tool_status(cluster)

    async def SearchTools(
        self, request: discovery_pb2.SearchToolsRequest, context: ServicerContext
    ) -> discovery_pb2.SearchToolsResponse:
        """Give the tools that fit the words, best first."""
        async with Refusing(context, "SearchTools"):
            return await self.search(request)

    async def search(
        self, request: discovery_pb2.SearchToolsRequest
    ) -> discovery_pb2.SearchToolsResponse:
        """Find tools by words, best first.

        Raises: MeshError.
        """
        labels = wanted(request.labels, request.kind)
        hits = await self._searching.search(request.query, request.limit, labels)
        writer = StatusWriter(self._view)
        return discovery_pb2.SearchToolsResponse(hits=[hit_message(h, writer) for h in hits])

    async def WatchTools(
        self, request: discovery_pb2.WatchToolsRequest, context: ServicerContext
    ) -> AsyncIterator[discovery_pb2.CatalogEvent]:
        """Give a snapshot, or what changed after the cursor, then every change."""
        async with Refusing(context, "WatchTools"):
            labels = wanted(request.labels, request.kind)
            with self._source.watch(labels, request.cursor) as watch:
                if watch.snapshot is not None:
                    writer = StatusWriter(self._view)
                    for event in snapshot_events(watch.snapshot, watch.cursor, labels, writer):
                        yield event
                while True:
                    try:
                        step = await watch.step()
                    except Overloaded as error:
                        yield resync_event(watch.cursor, error.message)
                        return
                    writer = StatusWriter(self._view)
                    for event in step_events(step, self._source.catalog, writer):
                        yield event

    async def ListReplicas(
        self, request: discovery_pb2.ListReplicasRequest, context: ServicerContext
    ) -> discovery_pb2.ListReplicasResponse:
        """Give the replicas of one tool or of all."""
        async with Refusing(context, "ListReplicas"):
            if request.tool:
                find_tool(self._source.catalog, request.tool)
            writer, leases = StatusWriter(self._view), await self._source.leases()
            shown = [
                each
                for each in self._source.registrations()
                if not request.tool or any(tool.name == request.tool for tool in each.tools)
            ]
            shown.sort(key=lambda each: (each.replica.server, each.replica.id))
            return discovery_pb2.ListReplicasResponse(
                replicas=[
                    writer.replica_status(each, leases.get(each.replica.id)) for each in shown
                ]
            )

    async def ExplainTool(
        self, request: discovery_pb2.ExplainToolRequest, context: ServicerContext
    ) -> discovery_pb2.ExplainToolResponse:
        """Say why calls of a tool go where they go."""
        async with Refusing(context, "ExplainTool"):
            if not request.name:
                raise InvalidCall("name is missing; ListTools has them")
            find_tool(self._source.catalog, request.name, request.version)
            routes = self._routes()
            versions = routes.by_tool.get(request.name, ())
            if request.version:
                route = routes.find(request.name, request.version)
            else:
                route = main_route(versions)
            if route is None:
                raise NotReady(f"{request.name} was registered just now; ask again")
            writer, leases = StatusWriter(self._view), await self._source.leases()
            by_id = {each.replica.id: each for each in self._source.registrations()}
            statuses = [
                writer.replica_status(by_id[each.id], leases.get(each.id))
                for each in route.cluster.replicas
                if each.id in by_id
            ]
            return explain(route, statuses, self._clock(), versions)

    async def Feedback(
        self, request: discovery_pb2.FeedbackRequest, context: ServicerContext
    ) -> discovery_pb2.FeedbackResponse:
        """Take a caller's word on how good an answer was."""
        async with Refusing(context, "Feedback"):
            if self.shared is not None:
                return await self.shared.rate(self._source.catalog, request)
            return self.choices.rate(self._source.catalog, request)

    async def ListChoices(
        self, request: discovery_pb2.ListChoicesRequest, context: ServicerContext
    ) -> discovery_pb2.ListChoicesResponse:
        """Give the capabilities, and how the tools of each do."""
        async with Refusing(context, "ListChoices"):
            return self.choices.list(request.capability)

    def _names(self, catalog: Catalog) -> list[str]:
        known, names = self._sorted
        if known is not catalog:
            names = sorted(catalog.clusters)
            self._sorted = (catalog, names)
        return names
