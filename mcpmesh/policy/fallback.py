"""Which tool, or version, stands in when there is no other way to answer a call."""

from dataclasses import dataclass
from typing import ClassVar

from mcpmesh.errors import (
    Draining,
    InvalidCall,
    MeshError,
    NoReplica,
    Overloaded,
    ReplicaLost,
    ToolNotFound,
)
from mcpmesh.model.tool import check_name


@dataclass(frozen=True, slots=True)
class Fallback:
    """Who stands in for a tool; it has to take the same arguments.

    Raises: InvalidCall naming the setting.
    """

    #: `fallback = "weather-lite"` stands for `fallback = { tool = "weather-lite" }`.
    SHORT: ClassVar[str] = "tool"

    tool: str = ""
    """Name of the tool that stands in; empty: the same tool in another version."""
    version: str = ""
    """Its version; empty: the newest."""

    def __post_init__(self) -> None:
        if not self.tool and not self.version:
            raise InvalidCall("a fallback names a tool, a version, or both")
        if self.tool:
            check_name("tool", self.tool)
        if self.version:
            check_name("version", self.version)


def may_stand_in(error: MeshError, *, unsent: bool, repeatable: bool) -> bool:
    """Tell whether another tool may do what failed with this error.

    What may have taken effect is not done again by another tool, unless the tool is idempotent or
    only reads.
    """
    if isinstance(error, ReplicaLost):
        return unsent or repeatable
    return isinstance(error, NoReplica | Draining | Overloaded | ToolNotFound)
