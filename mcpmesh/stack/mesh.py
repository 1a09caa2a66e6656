"""What the bridge needs of the mesh: its tools as they are now, and a way to call them.

A router in the same process gives its own stack; a bridge in its own process gives an sdk
channel. The bridge cannot tell.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from mcpmesh.stack.notes import Notes
from mcpmesh.stack.origin import Origin
from mcpmesh.v1 import discovery_pb2, invoke_pb2

#: Seconds that a call has to end by itself once its outcome came. To end it at once would be a
#: reset, and who resets many calls is taken for an attacker.
LAST_WORDS = 5.0


def is_outcome(event: invoke_pb2.InvokeEvent) -> bool:
    """Tell whether this is the last event of its call."""
    return event.WhichOneof("event") in ("result", "input_required")


@dataclass(frozen=True, slots=True, eq=False)
class ToolList:
    """All tools at one moment, every version, by name and then newest version first.

    `cursor` differs whenever the list does, so that encoded forms can be kept per cursor. An
    empty cursor means that the mesh has not said yet what it has.
    """

    cursor: str
    tools: tuple[discovery_pb2.ToolStatus, ...]


class Mesh(Protocol):
    """The mesh as a bridge sees it.

    Raises (calls and search): errors.MeshError by whose fault; asyncio.CancelledError passes and
    cancels the call on its replica. `timeout` in seconds, None for the mesh's default.
    """

    @property
    def notes(self) -> Notes | None:
        """Where bridges of this mesh leave notes for each other; None where there is no other."""
        ...

    def tools(self) -> ToolList:
        """Return the tools as they are now, without waiting."""
        ...

    async def invoke(
        self, request: invoke_pb2.InvokeRequest, origin: Origin, timeout: float | None
    ) -> invoke_pb2.InvokeResponse:
        """Call a tool and wait for the outcome."""
        ...

    def stream(
        self, request: invoke_pb2.InvokeRequest, origin: Origin, timeout: float | None
    ) -> AsyncIterator[invoke_pb2.InvokeEvent]:
        """Call a tool and yield its events as they come; the last one is the outcome."""
        ...

    async def search(
        self, request: discovery_pb2.SearchToolsRequest
    ) -> discovery_pb2.SearchToolsResponse:
        """Find tools by words, best first."""
        ...

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Have somebody told whenever the tools may have changed; returns how to stop that."""
        ...

    async def ready(self) -> bool:
        """Tell whether calls can be taken now."""
        ...
