"""A call's place at a tool that asks for more than a count."""

from mcpmesh.balance.gate import Gate, Share
from mcpmesh.balance.tool_load import ToolLoad


class Place:
    """What a call holds, or waits for.

    Units: `since` in seconds of the event loop's clock, when it came, then when
    it began.
    """

    __slots__ = ("gate", "load", "share", "since")

    def __init__(self, load: ToolLoad, gate: Gate, share: Share | None, since: float) -> None:
        self.load = load
        self.gate = gate
        self.share = share
        self.since = since
