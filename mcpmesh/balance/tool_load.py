"""What a router knows of the load that one tool's calls put on it and on the tool."""

from typing import Any

from mcpmesh.balance.gate import Gate
from mcpmesh.balance.outage import Outage
from mcpmesh.balance.pick_log import PickLog
from mcpmesh.policy.admission import Admission
from mcpmesh.policy.answer_store import AnswerStore
from mcpmesh.policy.fastest import Fastest
from mcpmesh.policy.quantile import RecentQuantile
from mcpmesh.policy.retry_budget import RetryBudget


class ToolLoad:
    """Counts of one tool's calls, all its versions together.

    Lives as long as the tool is in the catalog, through any number of routes.
    """

    __slots__ = (
        "admission", "answers", "budget", "calls", "fastest", "gate", "in_flight", "latency",
        "limit", "outage", "picks",
    )  # fmt: skip

    def __init__(self, admission: Admission = Admission()) -> None:  # noqa: B008 - frozen
        #: Calls that were taken, from the beginning.
        self.calls = 0
        #: Calls that were taken and have not ended.
        self.in_flight = 0
        self.budget = RetryBudget()
        self.fastest = Fastest()
        self.picks = PickLog()
        #: Answers that are kept for other calls, of a tool that has a cache.
        self.answers: AnswerStore[Any] | None = None
        #: How long attempts take, for a tool that is hedged.
        self.latency: RecentQuantile | None = None
        #: What there is to ask besides how many are in flight; None while there is nothing.
        self.gate: Gate | None = None
        #: The calls that failed of late; None before the first.
        self.outage: Outage | None = None
        self.follow(admission)

    def __repr__(self) -> str:
        return f"<ToolLoad calls={self.calls} in_flight={self.in_flight} {self.gate}>"

    def follow(self, admission: Admission) -> None:
        """Go by these settings from now on."""
        self.admission = admission
        #: How many calls may be in flight before there is something to ask; 0 in an outage.
        self.limit = admission.in_flight
        if self.gate is not None:
            self.gate.settings = admission
        elif not admission.only_counts:
            self.gate = Gate(admission)

    @property
    def out(self) -> bool:
        """Tell whether every call fails."""
        return not self.limit

    @property
    def fails(self) -> bool:
        """Tell whether its last calls failed, one after the other and whatever was tried."""
        outage = self.outage
        return (
            outage is not None
            and self.admission.probes > 0
            and outage.is_likely(self.calls - self.in_flight)
        )

    def note_failure(self, now: float, reason: str) -> None:
        """Learn of a call in flight that fails, as its replicas are not available."""
        if self.outage is None:
            self.outage = Outage()
        if self.outage.note(self.calls - self.in_flight, now, reason) and self.admission.probes:
            self.limit = 0

    def refuses(self, now: float) -> Outage | None:
        """Return why a call is not to be tried: all before it failed. Ask only if `out`."""
        outage, ended = self.outage, self.calls - self.in_flight
        if outage is None or outage.is_over(ended):
            self.limit = self.admission.in_flight
            return None
        if outage.refuses(ended, now):
            return outage
        outage.let_through(now, self.admission.probes)
        return None

    def typical(self, quantile: float) -> RecentQuantile:
        """Return what measures how long this share of the attempts takes at most."""
        if self.latency is None or self.latency.quantile != quantile:
            self.latency = RecentQuantile(quantile)
        return self.latency
