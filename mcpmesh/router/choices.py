"""Capabilities and what is known of their tools, as messages; and what callers say of answers."""

from collections.abc import Callable, Mapping

from mcpmesh.balance.balancer import Routes
from mcpmesh.balance.capabilities import Capabilities, Provided
from mcpmesh.balance.chooser import Option
from mcpmesh.discovery.lookup import find_tool
from mcpmesh.discovery.ranking import Hit
from mcpmesh.dispatch.replica_view import StatusWriter
from mcpmesh.errors import InvalidCall, ToolNotFound
from mcpmesh.model.catalog import Catalog
from mcpmesh.model.estimate import Estimate
from mcpmesh.model.nearest import did_you_mean
from mcpmesh.v1 import discovery_pb2


class Choices:
    """What this process knows of the tools that provide capabilities.

    Units: `clock` in seconds, that of the choices.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        routes: Callable[[], Routes],
        clock: Callable[[], float],
    ) -> None:
        self._capabilities = capabilities
        self._routes = routes
        self._clock = clock

    def list(self, capability: str) -> discovery_pb2.ListChoicesResponse:
        """Return one capability, or all.

        Raises: ToolNotFound for one that nobody provides.
        """
        known = self._capabilities.all()
        if capability and capability not in known:
            hint = did_you_mean(capability, known) or "; list the choices to see what there is"
            raise ToolNotFound(f"no tool provides {capability[:140]!r}{hint}")
        names = [capability] if capability else sorted(known)
        return discovery_pb2.ListChoicesResponse(choices=[self._choice(known[n]) for n in names])

    def rate(
        self, catalog: Catalog, request: discovery_pb2.FeedbackRequest
    ) -> discovery_pb2.FeedbackResponse:
        """Take a caller's word on an answer.

        Raises: ToolNotFound for a tool that is not there or provides nothing; InvalidCall.
        """
        tool = request.tool
        if not tool or not request.HasField("score"):
            raise _bad_feedback()
        find_tool(catalog, tool)
        return discovery_pb2.FeedbackResponse(
            accuracy=estimate_message(self.rated(tool, request.score))
        )

    def rated(self, tool: str, score: float) -> Estimate:
        """Count a word on an answer of a tool; return what its accuracy is taken to be.

        Raises: ToolNotFound for a tool that provides nothing; InvalidCall.
        """
        if not 0.0 <= score <= 1.0:
            raise _bad_feedback()
        provided = self._capabilities.of_tool(tool)
        if not provided:
            raise ToolNotFound(
                f"{tool} provides no capability, so feedback on it changes nothing; give it one "
                "with @app.tool(capability=…), or in the router's [capabilities]"
            )
        now = self._clock()
        accuracies = [each.chooser.rated(tool, score, now) for each in provided]
        return accuracies[0]

    def tool_of(self, name: str) -> str:
        """Return the tool to show for a name: of a capability the best, else the name itself."""
        provided = self._capabilities.find(name)
        return provided.chooser.best(provided.tools, self._clock()) if provided else name

    def worths(self) -> Callable[[str], Estimate | None]:
        """Return what tells a tool's worth; None where no tool of what it provides was measured.

        Beside measured ones, a tool of which nothing is known has a worth too, and a wide one.
        """
        now = self._clock()
        known: dict[str, Mapping[str, Estimate]] = {}

        def worth(tool: str) -> Estimate | None:
            for provided in self._capabilities.of_tool(tool):
                if provided.name not in known:
                    known[provided.name] = _measured(provided, now)
                if found := known[provided.name].get(tool):
                    return found
            return None

        return worth

    def _choice(self, provided: Provided) -> discovery_pb2.Choice:
        chooser = provided.chooser
        return discovery_pb2.Choice(
            capability=provided.name,
            tools=[
                self._choosable(option) for option in chooser.options(provided.tools, self._clock())
            ],
            calls=chooser.calls,
            explored=chooser.explored,
        )

    def _choosable(self, option: Option) -> discovery_pb2.Choosable:
        route = self._routes().find(option.tool)
        return discovery_pb2.Choosable(
            tool=option.tool,
            ready=route is not None and bool(route.picker.candidates),
            calls=option.calls,
            worth=estimate_message(option.worth),
            success=estimate_message(option.success),
            accuracy=estimate_message(option.accuracy) if option.accuracy else None,
            seconds=estimate_message(option.seconds) if option.seconds else None,
        )


def _bad_feedback() -> InvalidCall:
    return InvalidCall(
        "feedback needs a tool, which the answer's metadata names as mcpmesh-tool, and a score "
        "from 0 for wrong to 1 for right"
    )


def _measured(provided: Provided, now: float) -> Mapping[str, Estimate]:
    options = provided.chooser.options(provided.tools, now)
    if not any(option.calls or option.accuracy is not None for option in options):
        return {}
    return {option.tool: option.worth for option in options}


def estimate_message(estimate: Estimate) -> discovery_pb2.Estimate:
    """Write an estimate."""
    return discovery_pb2.Estimate(mean=estimate.mean, low=estimate.low, high=estimate.high)


def hit_message(hit: Hit, writer: StatusWriter) -> discovery_pb2.SearchHit:
    """Write a hit of a search."""
    return discovery_pb2.SearchHit(
        tool=writer.tool_status(hit.cluster),
        score=hit.score,
        reason=hit.reason,
        words=hit.words,
        meaning=hit.meaning,
        worth=estimate_message(hit.worth) if hit.worth else None,
    )
