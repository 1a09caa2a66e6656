"""What discovery tells of tools and replicas, as frozen values."""

from dataclasses import dataclass
from typing import Any

import orjson

from mcpmesh.codec.tool import replica_from_message, seconds, tool_from_message
from mcpmesh.model.estimate import Estimate
from mcpmesh.model.replica import Replica
from mcpmesh.model.tool import Tool
from mcpmesh.v1 import discovery_pb2


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool, and how many replicas serve it."""

    tool: Tool
    replicas: int = 0
    ready_replicas: int = 0

    @property
    def name(self) -> str:
        """Return what callers name."""
        return self.tool.name

    @property
    def version(self) -> str:
        """Return which edition this is."""
        return self.tool.version

    @property
    def description(self) -> str:
        """Return what the tool says of itself to models."""
        return self.tool.description

    @property
    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments, parsed."""
        return _schema(self.tool.input_schema) or {"type": "object"}

    @property
    def output_schema(self) -> dict[str, Any] | None:
        """Return the JSON Schema of the structured result, None when it is unstructured."""
        return _schema(self.tool.output_schema)


@dataclass(frozen=True, slots=True)
class Choosable:
    """A tool that provides a capability, and what was measured of it lately.

    `worth` is success, accuracy and speed together. Units: `seconds` in seconds; the others 0 to 1.
    """

    tool: str
    ready: bool
    calls: int
    worth: Estimate
    success: Estimate
    accuracy: Estimate | None = None
    seconds: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A capability, and the tools that its calls may go to, the best first.

    `explored` of its calls went to another tool than the best, to learn of it.
    """

    capability: str
    tools: tuple[Choosable, ...]
    calls: int = 0
    explored: int = 0


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A tool that fits a search; scores compare within one answer only.

    `words` is what the words alone say, 1 for the best by words; `meaning` how near it is in
    meaning, and `worth` what was measured of its answers, all from 0 to 1; None when not known.
    """

    info: ToolInfo
    score: float
    reason: str = ""
    words: float = 0.0
    meaning: float | None = None
    worth: Estimate | None = None


@dataclass(frozen=True, slots=True)
class RecentAttempts:
    """How attempts at a replica went of late, from the process that was asked.

    Units: seconds; `pick_ratio` is its part of the picks of all that serve the same, 0 to 1.
    """

    over: float
    picks: int
    successes: int
    failures: int
    mean_time: float | None
    pick_ratio: float

    @property
    def success_ratio(self) -> float | None:
        """Return the share of successes among those that ended; None when none did."""
        ended = self.successes + self.failures
        return self.successes / ended if ended else None


@dataclass(frozen=True, slots=True)
class ReplicaInfo:
    """A replica as the server asked sees it.

    `lease_remaining` None means: static, it has no lease. `tools` are written name@version.
    `health` is empty when the server does not judge; `recent` None when it does not count.
    `picks` are the attempts that the server asked has sent to it in all.
    Units: seconds; `share` above 0 up to 1.
    """

    replica: Replica
    state: str
    in_flight: int = 0
    lease_remaining: float | None = None
    tools: tuple[str, ...] = ()
    reason: str = ""
    health: str = ""
    health_reason: str = ""
    ejected_for: float | None = None
    share: float = 1.0
    recent: RecentAttempts | None = None
    picks: int = 0


@dataclass(frozen=True, slots=True)
class RankedReplica:
    """A replica of a tool, whether it takes calls now, and why."""

    replica: ReplicaInfo
    takes_calls: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Pick:
    """One choice of a replica for an attempt.

    Units: `ago` in seconds. The least and most in flight are those of all that could be picked.
    """

    ago: float
    replica_id: str
    attempt: int
    in_flight: int
    least_in_flight: int
    most_in_flight: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why calls of a tool go where they go: its replicas ranked, and a sample of the last picks."""

    name: str
    version: str
    policy: str
    summary: str
    ranking: tuple[RankedReplica, ...]
    picks: tuple[Pick, ...]


def tool_info(message: discovery_pb2.ToolStatus) -> ToolInfo:
    """Read a tool and its numbers."""
    return ToolInfo(tool_from_message(message.tool), message.replicas, message.ready_replicas)


def estimate(message: discovery_pb2.Estimate) -> Estimate:
    """Read an estimate."""
    return Estimate(message.mean, message.low, message.high)


def choice(message: discovery_pb2.Choice) -> Choice:
    """Read a capability and its tools."""
    tools = tuple(
        Choosable(
            each.tool,
            each.ready,
            each.calls,
            estimate(each.worth),
            estimate(each.success),
            estimate(each.accuracy) if each.HasField("accuracy") else None,
            estimate(each.seconds) if each.HasField("seconds") else None,
        )
        for each in message.tools
    )
    return Choice(message.capability, tools, message.calls, message.explored)


def search_hit(message: discovery_pb2.SearchHit) -> SearchHit:
    """Read a hit."""
    return SearchHit(
        tool_info(message.tool),
        message.score,
        message.reason,
        message.words,
        message.meaning if message.HasField("meaning") else None,
        estimate(message.worth) if message.HasField("worth") else None,
    )


def replica_info(message: discovery_pb2.ReplicaStatus) -> ReplicaInfo:
    """Read a replica and its state."""
    leased = message.HasField("lease_remaining")
    return ReplicaInfo(
        replica=replica_from_message(message.replica),
        state=message.state,
        in_flight=message.in_flight,
        lease_remaining=seconds(message.lease_remaining) if leased else None,
        tools=tuple(message.tools),
        reason=message.reason,
        health=message.health,
        health_reason=message.health_reason,
        ejected_for=seconds(message.ejected_for) if message.HasField("ejected_for") else None,
        share=message.share or 1.0,
        recent=_recent(message.recent) if message.HasField("recent") else None,
        picks=message.picks,
    )


def explanation(message: discovery_pb2.ExplainToolResponse) -> Explanation:
    """Read why calls go where they go."""
    return Explanation(
        message.name,
        message.version,
        message.policy,
        message.summary,
        tuple(
            RankedReplica(replica_info(each.status), each.takes_calls, each.reason)
            for each in message.ranking
        ),
        tuple(
            Pick(
                seconds(each.ago), each.replica_id, each.attempt, each.in_flight,
                each.least_in_flight, each.most_in_flight, each.reason,
            )
            for each in message.picks
        ),
    )  # fmt: skip


def _recent(message: discovery_pb2.RecentAttempts) -> RecentAttempts:
    return RecentAttempts(
        over=seconds(message.over),
        picks=message.picks,
        successes=message.successes,
        failures=message.failures,
        mean_time=seconds(message.mean_time) if message.HasField("mean_time") else None,
        pick_ratio=message.pick_ratio,
    )


def _schema(encoded: bytes) -> dict[str, Any] | None:
    return orjson.loads(encoded) if encoded else None
