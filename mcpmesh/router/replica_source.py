"""Where replicas come from that do not register themselves.

A source tells all replicas that it knows of, and tells them all again when that changes; who
comes, changes and goes is for FoundReplicas to find out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from mcpmesh.config import StaticReplica
from mcpmesh.model.replica import Replica


@dataclass(frozen=True, slots=True)
class Found:
    """A replica as a source sees it; without names it is asked for its tools."""

    replica: Replica
    tools: tuple[str, ...] = ()
    draining: bool = False

    @classmethod
    def configured(cls, static: StaticReplica) -> "Found":
        """Return a replica that the configuration names."""
        return cls(static.replica(), static.tool_names)

    @property
    def is_asked(self) -> bool:
        """Tell whether it has to be asked for its tools."""
        return not self.tools and not self.replica.services


#: Takes all replicas that a source knows of.
Tell = Callable[[Iterable[Found]], None]


class ReplicaSource(Protocol):
    """Finds replicas while `run` runs."""

    async def run(self, tell: Tell) -> None:
        """Tell all replicas, again with each change, until cancelled."""
        ...

    def again(self) -> None:
        """Look again soon: a replica that it found cannot be reached."""
        ...
